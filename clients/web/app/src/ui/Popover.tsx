import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

/** A small thing above the page, beside what opened it: a menu, the picker of reactions. One at a time. */
interface Open {
  readonly anchor: HTMLElement;
  readonly content: (close: () => void) => JSX.Element;
}

const open = signal<Open | undefined>(undefined);

export function openPopover(anchor: HTMLElement, content: (close: () => void) => JSX.Element): void {
  open.value = open.peek()?.anchor === anchor ? undefined : { anchor, content };
}

export function closePopover(): void {
  const current = open.peek();
  if (current === undefined) return;
  open.value = undefined;
  if (current.anchor.isConnected) current.anchor.focus({ preventScroll: true });
}

const MARGIN = 8;

/** Where it is drawn: once, at the end of the page. */
export function PopoverPlace(): JSX.Element | null {
  const box = useRef<HTMLDivElement>(null);
  const current = open.value;
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null || current === undefined) return;
    const around = current.anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = element;
    const fitsBelow = around.bottom + height + MARGIN <= innerHeight;
    const top = fitsBelow ? around.bottom + 4 : Math.max(MARGIN, around.top - height - 4);
    const left = Math.min(Math.max(MARGIN, around.right - width), innerWidth - width - MARGIN);
    element.style.top = `${top}px`;
    element.style.left = `${left}px`;
    element.querySelector<HTMLElement>("[autofocus], button, input, [tabindex]")?.focus({ preventScroll: true });
  }, [current]);
  useEffect(() => {
    if (current === undefined) return;
    const onPointer = (event: PointerEvent): void => {
      if (box.current?.contains(event.target as Node) !== true && !current.anchor.contains(event.target as Node)) open.value = undefined;
    };
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        closePopover();
      }
    };
    const onAway = (event: Event): void => {
      if (box.current?.contains(event.target as Node) !== true) open.value = undefined;
    };
    window.addEventListener("pointerdown", onPointer, true);
    window.addEventListener("keydown", onKey, true);
    window.addEventListener("wheel", onAway, { passive: true });
    window.addEventListener("resize", onAway);
    return () => {
      window.removeEventListener("pointerdown", onPointer, true);
      window.removeEventListener("keydown", onKey, true);
      window.removeEventListener("wheel", onAway);
      window.removeEventListener("resize", onAway);
    };
  }, [current]);
  if (current === undefined) return null;
  return <div class="popover" ref={box}>{current.content(closePopover)}</div>;
}

export interface MenuItem {
  readonly label: string;
  readonly icon: JSX.Element;
  readonly isDangerous?: boolean;
  readonly run: () => void;
}

/** A list of things to do, for keys as well. */
export function Menu({ label, items, close }: { label: string; items: readonly MenuItem[]; close: () => void }): JSX.Element {
  function onKeyDown(event: KeyboardEvent): void {
    const buttons = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLButtonElement>("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const next = event.key === "ArrowDown" ? at + 1 : event.key === "ArrowUp" ? at - 1 : event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : undefined;
    if (event.key === "Tab") close();
    if (next === undefined) return;
    event.preventDefault();
    buttons[(next + buttons.length) % buttons.length]?.focus();
  }

  return (
    <div class="menu" role="menu" aria-label={label} onKeyDown={onKeyDown}>
      {items.map((item) => (
        <button type="button" role="menuitem" tabIndex={-1} class={item.isDangerous === true ? "danger-text" : ""} key={item.label} onClick={() => { close(); item.run(); }}>
          {item.icon}<span>{item.label}</span>
        </button>
      ))}
    </div>
  );
}

