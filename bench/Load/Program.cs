using FastChat.Bench.Load;

System.CommandLine.ParseResult parsed = LoadCommand.Make().Parse(args);
int code = await parsed.InvokeAsync().ConfigureAwait(false);
return parsed.Errors.Count > 0 ? 2 : code;
