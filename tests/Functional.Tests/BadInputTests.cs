namespace FastChat.Functional.Tests;

/// <summary>
/// Everything that a hostile or broken client can send, one row each: the documented code comes back, another client is served, and nothing is stored. A new way to be
/// wrong is a new row in one of the tables.
/// </summary>
public sealed class BadInputTests
{
    private BadInputStage _stage = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _stage = await BadInputStage.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _stage.DisposeAsync();

    [TearDown]
    public Task CheckAsync() => _stage.CheckAsync();

    [TestCaseSource(nameof(FramingRows))]
    public Task Framing(string name) => PlayAsync(BadFraming.Rows, name);

    [TestCaseSource(nameof(HelloRows))]
    public Task Sign_in(string name) => PlayAsync(BadHello.Rows, name);

    [TestCaseSource(nameof(PublishRows))]
    public Task Publishing(string name) => PlayAsync(BadPublish.Rows, name);

    [TestCaseSource(nameof(ConversationRows))]
    public Task Conversations(string name) => PlayAsync(BadConversation.Rows, name);

    [TestCaseSource(nameof(PeopleRows))]
    public Task People(string name) => PlayAsync(BadPeople.Rows, name);

    [TestCaseSource(nameof(DeviceRows))]
    public Task Devices(string name) => PlayAsync(BadDevices.Rows, name);

    [TestCaseSource(nameof(PrivacyRows))]
    public Task Privacy(string name) => PlayAsync(BadPrivacy.Rows, name);

    [TestCaseSource(nameof(LaterRows))]
    public Task Scheduled_and_hidden(string name) => PlayAsync(BadLater.Rows, name);

    [TestCaseSource(nameof(MemberRows))]
    public Task Members(string name) => PlayAsync(BadMembers.Rows, name);

    [TestCaseSource(nameof(MessageRows))]
    public Task Messages(string name) => PlayAsync(BadMessages.Rows, name);

    [TestCaseSource(nameof(AttachmentRows))]
    public Task Attachments(string name) => PlayAsync(BadAttachments.Rows, name);

    private static IEnumerable<string> FramingRows() => BadFraming.Rows.Select(row => row.Name);

    private static IEnumerable<string> DeviceRows() => BadDevices.Rows.Select(row => row.Name);

    private static IEnumerable<string> PrivacyRows() => BadPrivacy.Rows.Select(row => row.Name);

    private static IEnumerable<string> HelloRows() => BadHello.Rows.Select(row => row.Name);

    private static IEnumerable<string> PublishRows() => BadPublish.Rows.Select(row => row.Name);

    private static IEnumerable<string> ConversationRows() => BadConversation.Rows.Select(row => row.Name);

    private static IEnumerable<string> PeopleRows() => BadPeople.Rows.Select(row => row.Name);

    private static IEnumerable<string> LaterRows() => BadLater.Rows.Select(row => row.Name);

    private static IEnumerable<string> MemberRows() => BadMembers.Rows.Select(row => row.Name);

    private static IEnumerable<string> MessageRows() => BadMessages.Rows.Select(row => row.Name);

    private static IEnumerable<string> AttachmentRows() => BadAttachments.Rows.Select(row => row.Name);

    /// <summary>What is refused, whoever runs the broker can see: an Error or a Close is counted by its code.</summary>
    private async Task PlayAsync(IReadOnlyList<BadInput> rows, string name)
    {
        BadInput row = rows.Single(row => row.Name == name);
        await _stage.Events.BeginAsync();
        await row.Script(_stage);
        if (row.IsRefused)
        {
            await _stage.Events.CheckRefusalAsync();
        }
    }
}
