using System.Text;

using FastChat.Bench.Compare;
using FastChat.Bench.Compare.Systems.Ejabberd;
using FastChat.Bench.Compare.Wires;

using NUnit.Framework;

namespace FastChat.Load.Tests;

/// <summary>The wire of ejabberd, on a transcript of the real server and on the server.</summary>
public sealed class EjabberdTests
{
    private const string Stream =
        "<?xml version='1.0'?><stream:stream id='3214' version='1.0' xml:lang='en' xmlns:stream='http://etherx.jabber.org/streams' from='localhost' xmlns='jabber:client'>";

    [Test]
    public void The_words_of_the_server_mean_the_same_wherever_they_are_cut()
    {
        byte[] transcript = Encoding.ASCII.GetBytes(
            Stream + "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>" +
            "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>" +
            Stream + "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>\n" +
            "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>u5@localhost/r</jid></bind></iq> " +
            "<presence to='u5@localhost/r' from='c7@conference.localhost' id='8689'><c ver='a>b' hash='sha-1' xmlns='http://jabber.org/protocol/caps'/></presence>" +
            "<presence xml:lang='en' to='u5@localhost/r' from='c7@conference.localhost/u5'><x xmlns='http://jabber.org/protocol/muc#user'>" +
            "<item jid='u5@localhost/r' role='moderator' affiliation='owner'/><status code='201'/><status code='110'/></x></presence>" +
            "<message to='u5@localhost/r' from='c7@conference.localhost' type='groupchat'><subject/></message>" +
            Message("c7", "u6", "000000000000002a", "another's") +
            Message("c7", "u5", "000000000000002b", "mine") +
            Message("c8", "u6", "000000000000002c", "in a room that is not subscribed to") +
            Message("c8", "u5", "000000000000002d", "mine there") +
            "<message xml:lang='en' to='u5@localhost/r' from='c9@conference.localhost' type='error' id='000000000000002e'><error type='cancel'><item-not-found/>" +
            "<text xml:lang='en' xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>Conference room does not exist</text></error><body>hello</body></message>" +
            "</stream:stream>");
        SplitInput.Check(
            transcript,
            (events, output) =>
            {
                EjabberdWire wire = new(events, account: 5);
                wire.Begin(output);
                wire.Subscribe(7, output);
                return wire;
            },
            [
                "ready", "subscribed 7", "delivered another's", "delivered mine", "acknowledged 43", "acknowledged 45", "refused 46 Conference room does not exist",
                "failed the server ended the stream",
            ]);
    }

    [Test]
    public void A_publisher_that_does_not_subscribe_joins_once()
    {
        SendBuffer output = new();
        EjabberdWire wire = new(new RecordedEvents(), account: 5);
        wire.Publish(7, 42, "a"u8, output);
        wire.Publish(7, 43, "b"u8, output);
        Assert.That(Encoding.ASCII.GetString(output.Waiting), Is.EqualTo(
            "<presence to='c7@conference.localhost/u5'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>" +
            "<message to='c7@conference.localhost' type='groupchat' id='000000000000002a'><body>a</body></message>" +
            "<message to='c7@conference.localhost' type='groupchat' id='000000000000002b'><body>b</body></message>"));
    }

    [Test]
    public Task What_is_published_is_delivered_once_and_in_order() => SystemWork.FanOutAsync("ejabberd");

    [Test]
    public async Task A_publisher_may_subscribe_to_the_room_it_is_in()
    {
        await using RunningSystem running = await RunningSystem.StartAsync("ejabberd", Scenario.Rooms);
        RecordedEvents said = new();
        using WireDriver member = running.Connect(said, 0);
        member.Wire.Publish(2, 1, RunningSystem.Payload(1), member.Output);
        member.Run(() => said.Count("acknowledged 1") == 1);
        member.Wire.Subscribe(2, member.Output);
        member.Run(() => said.Count("subscribed 2") == 1);
        member.Wire.Publish(2, 2, RunningSystem.Payload(2), member.Output);
        member.Run(() => said.Count("acknowledged 2") == 1);
        Assert.That(said.Lines, Is.EqualTo(new[] { "ready", "acknowledged 1", "subscribed 2", $"delivered {Encoding.ASCII.GetString(RunningSystem.Payload(2))}", "acknowledged 2" }));
    }

    private static string Message(string room, string nick, string id, string body) =>
        $"<message xml:lang='en' to='u5@localhost/r' from='{room}@conference.localhost/{nick}' type='groupchat' id='{id}'><body>{body}</body></message>";
}
