using System.Buffers.Text;
using System.Globalization;
using System.Text;

using FastChat.Bench.Compare.Wires;

namespace FastChat.Bench.Compare.Systems.Ejabberd;

/// <summary>
/// XMPP (RFC 6120) with multi-user chat (XEP-0045): conversation n is the room <c>cn@conference.localhost</c>, the nick in it is the account. A room sends every message to all its members, the
/// sender among them: that echo, which has the id of the publish, is the acknowledgement. Who publishes to a room must be in it, so that a publisher that does not subscribe is joined
/// by its first publish and does not report what it hears. Generator thread only.
/// </summary>
internal sealed class EjabberdWire : Wire
{
    private const int FixedMax = 256;
    private const int IdDigits = 16;

    private static readonly byte[] s_header = Encoding.ASCII.GetBytes(
        "<?xml version='1.0'?><stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>");

    private readonly int _account;
    private readonly byte[] _nick;
    // Rooms that a join was written for, and those that answered it.
    private readonly HashSet<int> _joined = [];
    private readonly HashSet<int> _present = [];
    private readonly HashSet<int> _subscribed = [];

    private bool _isAuthenticated;

    public EjabberdWire(IWireEvents events, int account) : base(events)
    {
        _account = account;
        _nick = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"u{account}"));
    }

    public override void Begin(SendBuffer output) => output.Write(s_header);

    public override void Publish(int conversation, long number, ReadOnlySpan<byte> payload, SendBuffer output)
    {
        if (_joined.Add(conversation))
        {
            WriteJoin(conversation, output);
        }

        Span<byte> id = stackalloc byte[IdDigits];
        Utf8Formatter.TryFormat(number, id, out _, new System.Buffers.StandardFormat('x', IdDigits));
        TextComposer message = new(output, FixedMax + payload.Length);
        message.Append("<message to='c"u8);
        message.Append(conversation);
        message.Append("@conference.localhost' type='groupchat' id='"u8);
        message.Append(id);
        message.Append("'><body>"u8);
        message.Append(payload);
        message.Append("</body></message>"u8);
        message.Send();
    }

    public override void Subscribe(int conversation, SendBuffer output)
    {
        _subscribed.Add(conversation);
        if (_joined.Add(conversation))
        {
            WriteJoin(conversation, output);
        }
        else if (_present.Contains(conversation))
        {
            WriteQuestion(conversation, output);
        }
    }

    /// <summary>A room forgets who is gone: the next connection joins again once it is signed in, and what was said meanwhile is lost.</summary>
    public override Wire Resume()
    {
        EjabberdWire next = new(Events, _account);
        next._joined.UnionWith(_subscribed);
        next._subscribed.UnionWith(_subscribed);
        return next;
    }

    public override int Receive(ReadOnlySpan<byte> input, SendBuffer output)
    {
        int used = 0;
        for (int size; (size = XmppScanner.UnitSize(input[used..])) > 0; used += size)
        {
            if (input[used] == '<')
            {
                Take(input.Slice(used, size), output);
            }
        }

        return used;
    }

    private void Take(ReadOnlySpan<byte> element, SendBuffer output)
    {
        ReadOnlySpan<byte> name = XmppScanner.Name(element);
        if (name.SequenceEqual("message"u8))
        {
            TakeMessage(element);
        }
        else if (name.SequenceEqual("presence"u8))
        {
            TakePresence(element);
        }
        else if (name.SequenceEqual("stream:features"u8))
        {
            TakeFeatures(output);
        }
        else if (name.SequenceEqual("success"u8))
        {
            _isAuthenticated = true;
            output.Write(s_header);
        }
        else if (name.SequenceEqual("iq"u8))
        {
            TakeIq(element, output);
        }
        else if (name.SequenceEqual("failure"u8) || name.SequenceEqual("stream:error"u8))
        {
            Events.OnFailed(Encoding.UTF8.GetString(element));
        }
        else if (name.Length == 0 && element.StartsWith("</"u8))
        {
            Events.OnFailed("the server ended the stream");
        }
    }

    private void TakeMessage(ReadOnlySpan<byte> message)
    {
        ReadOnlySpan<byte> from = XmppScanner.Attribute(message, " from='"u8);
        if (XmppScanner.Attribute(message, " type='"u8).SequenceEqual("error"u8))
        {
            if (TryId(message, out long refused))
            {
                Events.OnRefused(refused, ErrorText(message));
            }
            else
            {
                Events.OnFailed(ErrorText(message));
            }

            return;
        }

        // A message without a body is a room's subject.
        if (!XmppScanner.TryBetween(message, "<body>"u8, "</body>"u8, out ReadOnlySpan<byte> body))
        {
            return;
        }

        if (_subscribed.Count > 0 && TryConversation(from, out int conversation) && _subscribed.Contains(conversation))
        {
            Events.OnDelivered(body);
        }

        int slash = from.IndexOf((byte)'/');
        if (slash >= 0 && from[(slash + 1)..].SequenceEqual(_nick) && TryId(message, out long number))
        {
            Events.OnAcknowledged(number);
        }
    }

    // The room's answer to a join is the presence of oneself, which has the status 110.
    private void TakePresence(ReadOnlySpan<byte> presence)
    {
        if (XmppScanner.Attribute(presence, " type='"u8).SequenceEqual("error"u8))
        {
            Events.OnFailed($"not joined: {ErrorText(presence)}");
        }
        else if (presence.IndexOf("code='110'"u8) >= 0
            && TryConversation(XmppScanner.Attribute(presence, " from='"u8), out int conversation)
            && _present.Add(conversation) && _subscribed.Contains(conversation))
        {
            Events.OnSubscribed(conversation);
        }
    }

    private void TakeFeatures(SendBuffer output)
    {
        if (_isAuthenticated)
        {
            // The server chooses the resource. A fixed one would make the next connection after a cut an occupant that the room takes for the former one, and is not answered.
            output.Write("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"u8);
            return;
        }

        string secret = Convert.ToBase64String([0, .. _nick, 0, .. "secret"u8]);
        output.Write(Encoding.ASCII.GetBytes($"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>"));
    }

    private void TakeIq(ReadOnlySpan<byte> iq, SendBuffer output)
    {
        ReadOnlySpan<byte> id = XmppScanner.Attribute(iq, " id='"u8);
        if (id.SequenceEqual("s"u8) && TryConversation(XmppScanner.Attribute(iq, " from='"u8), out int asked))
        {
            Events.OnSubscribed(asked);
        }

        if (!id.SequenceEqual("b"u8))
        {
            return;
        }

        if (!XmppScanner.Attribute(iq, " type='"u8).SequenceEqual("result"u8))
        {
            Events.OnFailed($"not bound: {ErrorText(iq)}");
            return;
        }

        foreach (int conversation in _subscribed)
        {
            WriteJoin(conversation, output);
        }

        Events.OnReady();
    }

    private void WriteJoin(int conversation, SendBuffer output)
    {
        TextComposer presence = new(output, FixedMax);
        presence.Append("<presence to='c"u8);
        presence.Append(conversation);
        presence.Append("@conference.localhost/"u8);
        presence.Append(_nick);
        presence.Append("'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>"u8);
        presence.Send();
    }

    // A room does not answer a second join. It answers this, if only with an error, and is in order: by then its messages are on their way here.
    private static void WriteQuestion(int conversation, SendBuffer output)
    {
        TextComposer question = new(output, FixedMax);
        question.Append("<iq type='get' id='s' to='c"u8);
        question.Append(conversation);
        question.Append("@conference.localhost'><ping xmlns='urn:xmpp:ping'/></iq>"u8);
        question.Send();
    }

    private static bool TryConversation(ReadOnlySpan<byte> from, out int conversation)
    {
        conversation = 0;
        return from.Length > 1 && from[0] == 'c' && Utf8Parser.TryParse(from[1..], out conversation, out _);
    }

    private static bool TryId(ReadOnlySpan<byte> stanza, out long number)
    {
        number = 0;
        ReadOnlySpan<byte> id = XmppScanner.Attribute(stanza, " id='"u8);
        return id.Length == IdDigits && Utf8Parser.TryParse(id, out number, out int read, 'x') && read == IdDigits;
    }

    private static string ErrorText(ReadOnlySpan<byte> stanza) => Encoding.UTF8.GetString(
        XmppScanner.TryBetween(stanza, "<text "u8, "</text>"u8, out ReadOnlySpan<byte> text) ? text[(text.IndexOf((byte)'>') + 1)..] : stanza);
}
