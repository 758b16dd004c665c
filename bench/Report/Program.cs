using FastChat.Bench.Report;

System.CommandLine.ParseResult parsed = ReportCommand.Make().Parse(args);
int code = await parsed.InvokeAsync().ConfigureAwait(false);
return parsed.Errors.Count > 0 ? 2 : code;
