import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { explain } from "../model/problems.ts";
import { signIn } from "../model/Session.ts";
import { Icon } from "./icons.tsx";
import { aside, dialog, intent } from "./state.ts";

/** Signing in and making an account: one form, so that password managers know it. */
export function SignIn({ reason }: { reason: string | undefined }): JSX.Element {
  const [isNew, setIsNew] = useState(false);
  const [problem, setProblem] = useState<string | undefined>(reason);
  const [isBusy, setIsBusy] = useState(false);
  const [isShown, setIsShown] = useState(false);
  const name = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);

  // Nothing of what was open belongs to whoever signs in next.
  useEffect(() => {
    dialog.value = aside.value = intent.value = undefined;
  }, []);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (isBusy) return;
    setProblem(undefined);
    const [givenName, givenPassword] = [name.current!.value.trim(), password.current!.value];
    if (givenName === "" || givenPassword === "") {
      setProblem("Both fields are needed.");
      (givenName === "" ? name : password).current!.focus();
      return;
    }

    setIsBusy(true);
    try {
      await signIn(givenName, givenPassword, isNew);
    } catch (error) {
      setProblem(explain(error));
      setIsBusy(false);
      password.current?.focus();
    }
  }

  return (
    <main class="sign-in">
      <form class="sign-in-card" method="post" onSubmit={(event) => void submit(event)} aria-labelledby="sign-in-title">
        <div class="brand" aria-hidden="true">
          <span class="brand-mark"><Icon name="thread" /></span>
        </div>
        <h1 id="sign-in-title">{isNew ? "Create an account" : "Welcome back"}</h1>
        <p class="hint center">{isNew ? "A name and a password are all it takes." : "Sign in to go on where you stopped reading."}</p>
        {problem !== undefined && <div class="notice" role="alert"><Icon name="warn" small /><span>{problem}</span></div>}
        <div class="field">
          <label for="name">Name</label>
          <input ref={name} id="name" name="username" class="input" autocomplete="username" autocapitalize="none" spellcheck={false} maxLength={64} autoFocus required disabled={isBusy} />
          {isNew && <p class="hint">Letters, digits, dots, dashes, underscores. It cannot be changed; how you are shown can.</p>}
        </div>
        <div class="field">
          <label for="password">Password</label>
          <div class="input-group">
            <input
              ref={password} id="password" name="password" class="input" type={(isShown ? "text" : "password") as "text"} autocomplete={isNew ? "new-password" : "current-password"}
              {...(isNew ? { minLength: 8 } : {})} maxLength={256} required disabled={isBusy}
            />
            <button type="button" class="button plain small" aria-pressed={isShown} aria-label={isShown ? "Hide password" : "Show password"} onClick={() => setIsShown(!isShown)}>{isShown ? "Hide" : "Show"}</button>
          </div>
          {isNew && <p class="hint">At least 8 characters.</p>}
        </div>
        <button class="button primary wide" type="submit" disabled={isBusy}>
          {isBusy ? "One moment …" : isNew ? "Create account" : "Sign in"}
        </button>
        <p class="hint center">
          {isNew ? "You have an account?" : "New here?"}{" "}
          <button type="button" class="link-button" onClick={() => { setIsNew(!isNew); setProblem(undefined); name.current?.focus(); }}>
            {isNew ? "Sign in" : "Create an account"}
          </button>
        </p>
      </form>
    </main>
  );
}
