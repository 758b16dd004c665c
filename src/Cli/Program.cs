using FastChat.Cli;

return await CommandLine.RunAsync(args).ConfigureAwait(false);
