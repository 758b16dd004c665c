namespace FastChat.Broker.Web;

/// <summary>What stands at <c>/</c> as long as nobody has built the page. It asks for itself again every few seconds, so that whoever waits for the build sees its end.</summary>
internal static class MissingPage
{
    /// <summary>The document.</summary>
    public static ReadOnlySpan<byte> Html => """
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <meta http-equiv="refresh" content="5">
        <title>FastChat</title>
        <h1>FastChat is running</h1>
        <p>Its web page is not built yet. <code>./fastchat serve</code> builds it by itself when Node.js 20 or newer is installed; that takes a minute the first time, and this page turns into it when it is done.</p>
        <p>To build it by hand:</p>
        <pre>clients/web/build.sh</pre>
        <p>Until then <code>./fastchat chat</code> chats in a terminal. What the build said, if it failed, stands in <code>clients/web/build.log</code>.</p>
        </html>

        """u8;
}
