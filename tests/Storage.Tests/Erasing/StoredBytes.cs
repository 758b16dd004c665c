using System.Security.Cryptography;
using System.Text;

namespace FastChat.Storage.Tests;

/// <summary>Looks for a text in every file below a directory, as somebody with the disk in their hands would.</summary>
internal static class StoredBytes
{
    /// <summary>64 bytes that nothing compresses and nothing else has.</summary>
    public static byte[] Marker(int seed) => SHA512.HashData(BitConverter.GetBytes(seed));

    /// <summary>A message with the text inside.</summary>
    public static byte[] BodyWith(byte[] marker) => [.. Encoding.ASCII.GetBytes("he said: "), .. marker, .. Encoding.ASCII.GetBytes(" and left")];

    /// <summary>The files that hold the text.</summary>
    public static string[] FilesWith(string directory, byte[] marker) =>
    [
        .. Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) != "lock" && ReadShared(file).AsSpan().IndexOf(marker) >= 0)
            .Select(file => Path.GetRelativePath(directory, file)),
    ];

    private static byte[] ReadShared(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        byte[] bytes = new byte[file.Length];
        file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return bytes;
    }
}
