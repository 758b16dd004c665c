namespace FastChat.Cli;

/// <summary>What was pressed.</summary>
internal enum KeyCode
{
    /// <summary>Text to insert; pastes come as one.</summary>
    Text,

    Enter,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Up,
    Down,
    Home,
    End,
    PageUp,
    PageDown,
    Tab,
    Escape,
    KillToEnd,
    KillToStart,
    KillWord,
    Yank,
    Redraw,
    Interrupt,
    EndOfInput,

    /// <summary>Alt with a number: the conversation with that number.</summary>
    Select,

    /// <summary>Up or Down with Ctrl, Alt or Shift, and Alt-k or Alt-j: the message above or below.</summary>
    PickUp,
    PickDown,

    /// <summary>The terminal says that somebody looks at it, or no longer does.</summary>
    FocusIn,
    FocusOut,

    /// <summary>A paste: text that is inserted as it is, line breaks included.</summary>
    Paste,
}

/// <summary>A key press.</summary>
/// <param name="Code">Which key.</param>
/// <param name="Text">The text of <see cref="KeyCode.Text"/> and <see cref="KeyCode.Paste"/>; the digit of <see cref="KeyCode.Select"/>; empty otherwise.</param>
internal readonly record struct Key(KeyCode Code, string Text = "");
