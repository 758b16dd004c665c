#:project ../../../src/Client/FastChat.Client.csproj
#:property TreatWarningsAsErrors=false
#:property GenerateDocumentationFile=false
#:property PublishAot=false

using FastChat.Client;
using FastChat.Protocol;

// Does what the command line has no verbs for, in the store that make.sh writes: dotnet run Fill.cs -- HOST:PORT ROUND. Round 1 makes the group #chat and does everything to its messages; round 2 does more of
// it, and ends a message by its time. Deletions are the last thing of each, and so that both states of one can be had: the body noted to go, and gone.
FastChatClient ada = await SignInAsync("ada");
FastChatClient bob = await SignInAsync("bob");
ConversationId chat = args[1] == "1"
    ? (await ada.CreateConversationAsync(ConversationKind.Group, "chat", members: [bob.User])).Conversation
    : (await ada.ResolveConversationAsync("chat")).Conversation;

ulong question = (await ada.PublishTextAsync(chat, $"question {args[1]}")).Sequence;
await bob.PublishTextAsync(chat, "answer", With(new MessageAttributes { ReplyTo = question, Mentions = [ada.User] }));
ulong inThread = (await bob.PublishTextAsync(chat, "in the thread", With(new MessageAttributes { Thread = question, ReplyTo = question }))).Sequence;
await ada.PublishTextAsync(chat, "as well", With(new MessageAttributes { Thread = question, MentionsAll = true }));
await ada.EditAsync(chat, question, $"another question {args[1]}", With(new MessageAttributes { Mentions = [bob.User] }));
await ada.ReactAsync(chat, question, "👍");
await bob.ReactAsync(chat, question, "👍");
await bob.ReactAsync(chat, question, "🎉");
await ada.ReactAsync(chat, question, "👍", isAdded: false);
await ada.PinAsync(chat, question);
await ada.PublishTextAsync(chat, "over in the year 2100", With(new MessageAttributes { ExpiresMicros = new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds() * 1000 }));
ulong secret = (await bob.PublishTextAsync(chat, "secret", With(new MessageAttributes { Mentions = [ada.User], ReplyTo = question }))).Sequence;
await bob.EditAsync(chat, secret, "a bigger secret");
await ada.ReactAsync(chat, secret, "🎉");
await bob.PublishTextAsync(chat, "soon over", With(new MessageAttributes { ExpiresMicros = DateTimeOffset.UtcNow.AddSeconds(2).ToUnixTimeMilliseconds() * 1000 }));
ConversationId direct = (await ada.DirectAsync(bob.User)).Conversation;
await bob.ForwardAsync(chat, question, direct);
AttachmentUpload picture = await bob.UploadAsync(new MemoryStream([.. Enumerable.Range(0, 100_000).Select(number => (byte)(number * 7))]), "picture.png", "image/png");
await bob.PublishTextAsync(direct, "look", With(new MessageAttributes { Attachments = [picture.Attachment] }));
await ada.HideAsync(chat, [question + 1]);
await ada.MoveCursorAsync(chat, read: secret);
await bob.MoveCursorAsync(chat, read: question, isPrivate: true);
await bob.MoveCursorAsync(chat, read: question, thread: question);
await Task.Delay(TimeSpan.FromSeconds(4));
await bob.DeleteAsync(chat, secret);
await bob.DeleteAsync(chat, inThread);
await ada.DisposeAsync();
await bob.DisposeAsync();

Task<FastChatClient> SignInAsync(string name) =>
    FastChatClient.ConnectAsync(new ClientOptions { Endpoint = ClientEndpoint.Parse(args[0]), Name = name, Password = Environment.GetEnvironmentVariable("FASTCHAT_PASSWORD") });

static PublishOptions With(MessageAttributes attributes) => new() { Attributes = attributes };
