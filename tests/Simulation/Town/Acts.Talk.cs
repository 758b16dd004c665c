using System.Globalization;
using System.Text;

using FastChat.Client;

namespace FastChat.Simulation;

/// <content>What people say, and what they do with what was said.</content>
internal sealed partial class Acts
{
    private static readonly string[] s_reactions = ["👍", "👎", "❤️", "🎉", "🙈", "ok", "+1"];

    private async Task SayAsync()
    {
        switch (chance.Below(16))
        {
            case < 5:
                if (SomeRoom() is { } room)
                {
                    await SendAsync("text", room, MessageKind.Text, Text());
                }

                break;

            case 5:
                await BurstAsync();
                break;

            case 6:
                await WithAttributesAsync("reply", room => new MessageAttributes { ReplyTo = SomeRecord(room) });
                break;

            case 7:
                await WithAttributesAsync(
                    "thread", room => new MessageAttributes { Thread = room.Seen < 4 ? 1 : (ulong)chance.Between(1, 4) + (room.Seen / 8) }, static (room, said) => room.Threads.Add(said.Thread));
                break;

            case 8:
                await WithAttributesAsync("mention", room => new MessageAttributes { Mentions = [SomebodyElse().User] });
                break;

            case 9:
                await WithAttributesAsync("mention all", room => new MessageAttributes { MentionsAll = true });
                break;

            case 10:
                TimeSpan life = chance.Span(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(40));
                await WithAttributesAsync("expiring", room => new MessageAttributes { ExpiresMicros = (town.Now + life - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond });
                break;

            case 11:
                if (SomeRoom() is { } anyRoom)
                {
                    byte[] bytes = new byte[chance.Between(16, 300)];
                    chance.Fill(bytes);
                    await SendAsync("opaque", anyRoom, MessageKind.Opaque, bytes);
                }

                break;

            case 12:
                if (SomeRoom() is { } quiet)
                {
                    await posts.SendAsync(client, process, "conditional", quiet.Id, MessageKind.Text, Text(), ifHead: chance.OneIn(4) ? quiet.Seen + 7 : quiet.Seen);
                }

                break;

            case 13:
                if (SomeRoom() is { Seen: > 0 } source && SomeRoom(target => target != source) is { } goal)
                {
                    await posts.ForwardAsync(client, process, source.Id, SomeRecord(source), goal.Id);
                }

                break;

            case 14:
                await posts.SendAgainAsync(client, process);
                break;

            default:
                if (SomeRoom() is { } heard)
                {
                    await client.SignalTypingAsync(heard.Id, chance.OneIn(3) ? SignalKind.Stopped : SignalKind.Typing);
                    town.Count("typing");
                }

                break;
        }
    }

    private async Task ChangeMessageAsync()
    {
        if (SomeRoom() is not { Seen: > 0 } room)
        {
            return;
        }

        ulong target = SomeRecord(room);
        switch (chance.Below(12))
        {
            case < 3:
                await SendAsync("edit", room, MessageKind.Edit, new EditBody { Target = OwnRecord(room) ?? target, Kind = MessageKind.Text, Content = Text() }.ToBytes());
                break;

            case < 5:
                await SendAsync("delete", room, MessageKind.Delete, new DeleteBody(OwnRecord(room) ?? target).ToBytes());
                break;

            case < 8:
                await SendAsync("react", room, MessageKind.Reaction, new ReactionBody(target, true, chance.Of(s_reactions)).ToBytes());
                break;

            case < 10:
                (ulong reacted, string reaction) = _reacted.TryGetValue(room.Id, out (ulong Target, string Reaction) last) ? last : (target, chance.Of(s_reactions));
                await SendAsync("unreact", room, MessageKind.Reaction, new ReactionBody(reacted, false, reaction).ToBytes());
                _reacted.Remove(room.Id);
                string next = chance.Of(s_reactions);
                if (await SendAsync("react", room, MessageKind.Reaction, new ReactionBody(target, true, next).ToBytes()) is not null)
                {
                    _reacted[room.Id] = (target, next);
                }

                break;

            case 10:
                await SendAsync("pin", room, MessageKind.Pin, new PinBody(target, true).ToBytes());
                break;

            default:
                MessagePage pins = await PinsOrNoneAsync(room);
                await SendAsync("unpin", room, MessageKind.Pin, new PinBody(pins.Messages.Count > 0 ? chance.Of(pins.Messages).Sequence : target, false).ToBytes());
                break;
        }
    }

    private readonly Dictionary<ConversationId, (ulong Target, string Reaction)> _reacted = [];
    private readonly Dictionary<ConversationId, ulong> _said = [];

    /// <summary>The last message of this program's in a conversation, mostly.</summary>
    private ulong? OwnRecord(Room room) => _said.TryGetValue(room.Id, out ulong own) && !chance.OneIn(4) ? own : null;

    private async Task<PublishReceipt?> SendAsync(string deed, Room room, MessageKind kind, byte[] body)
    {
        PublishReceipt? receipt = await posts.SendAsync(client, process, deed, room.Id, kind, body);
        if (receipt is { } placed)
        {
            room.Seen = Math.Max(room.Seen, placed.Sequence);
            if (MessageKinds.IsMessage(kind))
            {
                _said[room.Id] = placed.Sequence;
            }
        }

        return receipt;
    }

    private async Task WithAttributesAsync(string deed, Func<Room, MessageAttributes> make, Action<Room, MessageAttributes>? done = null)
    {
        if (SomeRoom() is { } room)
        {
            MessageAttributes attributes = make(room);
            byte[] body = new RichBody { Kind = MessageKind.Text, Attributes = attributes.ToBytes(), Content = Text() }.ToBytes();
            if (await SendAsync(deed, room, MessageKind.Rich, body) is not null)
            {
                done?.Invoke(room, attributes);
            }
        }
    }

    /// <summary>Many at once, without waiting for answers.</summary>
    private async Task BurstAsync()
    {
        if (SomeRoom(static room => room.IsSteady) is { } room)
        {
            List<Task> all = [];
            for (int i = chance.Between(2, 15); i > 0; i--)
            {
                all.Add(SendAsync("burst", room, MessageKind.Text, Text()));
            }

            await Task.WhenAll(all);
        }
    }

    private async Task<MessagePage> PinsOrNoneAsync(Room room)
    {
        MessagePage page = new([], true, 0);
        await TryAsync("pins", async () => page = await client.GetPinsAsync(room.Id, limit: 20));
        return page;
    }

    /// <summary>Every text is another one.</summary>
    private byte[] Text()
    {
        string rest = new('…', chance.OneIn(20) ? chance.Between(1, 800) : 1);
        return Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{self.Name} says {chance.Next():x16}{rest}"));
    }
}
