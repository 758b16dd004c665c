using System.Text;

namespace FastChat.Bench.Report.Pages;

/// <summary>
/// Writes HTML and the SVG in it. Everything that is not an element's or attribute's name goes through <see cref="Escape"/>: there is no way to write a string as it is, except the style sheet
/// that is compiled in. Names are literals of this program, never of a file.
/// </summary>
internal sealed class Markup
{
    private readonly StringBuilder _text = new(1 << 16);

    /// <summary>Begins an element; it ends when the scope is disposed.</summary>
    public Scope Element(string name, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        Begin(name, attributes);
        return new Scope(this, name);
    }

    /// <summary>An element that holds a text.</summary>
    public Markup Leaf(string name, string text, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        Begin(name, attributes);
        Text(text);
        return End(name);
    }

    /// <summary>An element without an end, such as meta, or an SVG shape.</summary>
    public Markup Empty(string name, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        Begin(name, attributes);
        if (name is not ("meta" or "br"))
        {
            End(name);
        }

        return this;
    }

    /// <summary>Text.</summary>
    public Markup Text(string text)
    {
        Escape(text);
        return this;
    }

    /// <summary>The head of a document with its style sheet, the only text that is not escaped.</summary>
    public void Document(string styleSheet, Action<Markup> head, Action<Markup> body)
    {
        _text.Append("<!DOCTYPE html>\n");
        using (Element("html", ("lang", "en")))
        {
            using (Element("head"))
            {
                head(this);
                _text.Append("<style>\n").Append(styleSheet).Append("</style>\n");
            }

            using (Element("body"))
            {
                body(this);
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    private void Begin(string name, ReadOnlySpan<(string Name, string Value)> attributes)
    {
        _text.Append('<').Append(name);
        foreach ((string attribute, string value) in attributes)
        {
            _text.Append(' ').Append(attribute).Append("=\"");
            Escape(value);
            _text.Append('"');
        }

        _text.Append('>');
    }

    private Markup End(string name)
    {
        _text.Append("</").Append(name).Append('>');
        if (name is "tr" or "p" or "h1" or "h2" or "h3" or "section" or "svg" or "table" or "li" or "div" or "text")
        {
            _text.Append('\n');
        }

        return this;
    }

    private void Escape(string text)
    {
        foreach (char letter in text)
        {
            _ = letter switch
            {
                '&' => _text.Append("&amp;"),
                '<' => _text.Append("&lt;"),
                '>' => _text.Append("&gt;"),
                '"' => _text.Append("&quot;"),
                '\'' => _text.Append("&#39;"),
                '\n' or '\t' => _text.Append(letter),
                // What a reader cannot see may not change what he sees: controls, and marks that turn the direction of the text.
                < ' ' or (>= '\u007f' and <= '\u009f') or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069') => _text.Append('\ufffd'),
                _ => _text.Append(letter),
            };
        }
    }

    /// <summary>An open element.</summary>
    internal readonly struct Scope(Markup markup, string name) : IDisposable
    {
        /// <summary>Ends the element.</summary>
        public void Dispose() => markup.End(name);
    }
}
