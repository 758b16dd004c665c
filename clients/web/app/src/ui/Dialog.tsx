import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons.tsx";
import { dialog } from "./state.ts";

export function closeDialog(): void {
  dialog.value = undefined;
}

/** A window above the page. The browser keeps the focus in it, closes it with Esc, and gives the focus back. */
export function Dialog({ title, children, isWide = false, hasNoHead = false }: { title: string; children: ComponentChildren; isWide?: boolean; hasNoHead?: boolean }): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = element.current!;
    const before = document.activeElement as HTMLElement | null;
    shown.showModal();
    shown.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      shown.close();
      if (before?.isConnected === true) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={element} class={isWide ? "dialog wide" : "dialog"} aria-label={title}
      onCancel={(event) => { event.preventDefault(); closeDialog(); }}
      onPointerDown={(event) => { if (event.target === element.current) closeDialog(); }}
    >
      <div class="dialog-box">
        {!hasNoHead && (
          <header class="dialog-head">
            <h2>{title}</h2>
            <button type="button" class="icon-button" aria-label="Close" onClick={closeDialog}><Icon name="close" /></button>
          </header>
        )}
        {children}
      </div>
    </dialog>
  );
}
