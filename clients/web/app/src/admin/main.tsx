import { options, render } from "preact";
import "../styles/tokens.css";
import "../styles/base.css";
import "uplot/dist/uPlot.min.css";
import "../styles/admin.css";
import { inNextFrame } from "../model/frames.ts";
import "../model/Settings.ts";
import { App } from "./App.tsx";
import { resume } from "./console.ts";

// Everything that changed between two frames is drawn together, and nothing while nobody looks.
options.debounceRendering = inNextFrame;

render(<App />, document.getElementById("app")!);
resume();
