using System.Globalization;

namespace FastChat.Protocol;

/// <summary>A user's installation. Together with a <see cref="ClientMessageId"/> it makes a publish idempotent for ever. 0 means none.</summary>
public readonly record struct DeviceId(ulong Value)
{
    /// <summary>16 lower-case hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);
}
