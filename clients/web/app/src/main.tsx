import { options, render } from "preact";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/chat.css";
import { inNextFrame } from "./model/frames.ts";
import { resume } from "./model/Session.ts";
import "./model/Settings.ts";
import { App } from "./ui/App.tsx";

// Everything that changed between two frames is drawn together, and nothing while nobody looks.
options.debounceRendering = inNextFrame;

// A file that is dropped beside its place must not take the page away.
for (const event of ["dragover", "drop"]) window.addEventListener(event, (dropped) => dropped.preventDefault());

render(<App />, document.getElementById("app")!);
void resume();
