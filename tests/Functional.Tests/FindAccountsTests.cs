namespace FastChat.Functional.Tests;

/// <summary>Operators find accounts by what their names begin with, a page at a time, in the order of the names.</summary>
public sealed class FindAccountsTests
{
    [Test]
    public async Task By_the_beginning_of_the_name_in_pages()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        foreach (string name in (string[])["Anna", "anton", "Anna-2", "bert", "an", "ZOE"])
        {
            await using SignedInPeer peer = await broker.RegisterAsync(name);
        }

        await using SignedInPeer runner = await broker.SignInAsync(broker.ReadOperatorToken());
        Assert.That(await NamesAsync(runner, "AN", 0), Is.EqualTo(new[] { "an", "Anna", "Anna-2", "anton" }));
        Assert.That(await NamesAsync(runner, "an", 1), Is.EqualTo(new[] { "an", "Anna", "Anna-2", "anton" }), "page by page");
        Assert.That(await NamesAsync(runner, "anna", 2), Is.EqualTo(new[] { "Anna", "Anna-2" }));
        Assert.That(await NamesAsync(runner, "zoe", 0), Is.EqualTo(new[] { "ZOE" }));
        Assert.That(await NamesAsync(runner, "x", 0), Is.Empty);
        Assert.That(await NamesAsync(runner, "a b", 0), Is.Empty, "no name has a space");
        Assert.That(await NamesAsync(runner, string.Empty, 2), Has.Count.EqualTo(7), "all, and the operator");

        // Whoever was on the page before may have another name's beginning, or be gone.
        ControlMap strange = (await runner.AskAsync(FrameType.ListUsers, new ControlMap().Set("prefix", "b").SetId("after", runner.Welcome.User.Value))).ToMap();
        Assert.That(strange.Maps("users")!.Select(user => user!.Text("name", 64)), Is.EqualTo(new[] { "bert" }));
        Assert.That((await runner.AskAsync(FrameType.ListUsers, new ControlMap().Set("prefix", new string('a', 65)))).ToFailure().Code, Is.EqualTo((ushort)ErrorCode.BadRequest));
    }

    private static async Task<List<string>> NamesAsync(SignedInPeer runner, string prefix, int limit)
    {
        List<string> names = [];
        UserId after = default;
        while (true)
        {
            ControlMap body = new ControlMap().Set("prefix", prefix).Set("limit", limit);
            ControlMap page = (await runner.AskAsync(FrameType.ListUsers, after.IsNone ? body : body.SetId("after", after.Value))).ToMap();
            AccountInfo[] users = [.. page.Maps("users")!.Select(user => AccountInfo.Parse(user!))];
            names.AddRange(users.Select(static user => user.Name));
            if (page.Flag("complete"))
            {
                return names;
            }

            Assert.That(users, Has.Length.EqualTo(limit));
            after = users[^1].User;
        }
    }
}
