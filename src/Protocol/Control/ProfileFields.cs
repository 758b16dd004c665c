namespace FastChat.Protocol;

/// <summary>Custom fields of a profile: text → text, in the order of the keys' code units. Immutable; equal when the fields are.</summary>
public sealed class ProfileFields : IEquatable<ProfileFields>
{
    private readonly SortedDictionary<string, string> _fields = new(StringComparer.Ordinal);

    /// <summary>Takes the fields over; of two with one key the later counts.</summary>
    public ProfileFields(IEnumerable<KeyValuePair<string, string>> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        foreach ((string key, string value) in fields)
        {
            _fields[key] = value;
        }
    }

    /// <summary>No fields.</summary>
    public static ProfileFields Empty { get; } = new([]);

    /// <summary>How many there are.</summary>
    public int Count => _fields.Count;

    /// <summary>The fields, in their order.</summary>
    public IReadOnlyDictionary<string, string> All => _fields;

    /// <summary>A field's value; null when there is no such field.</summary>
    public string? this[string key] => _fields.GetValueOrDefault(key);

    /// <inheritdoc/>
    public bool Equals(ProfileFields? other) => other is not null && _fields.SequenceEqual(other._fields);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ProfileFields);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach ((string key, string value) in _fields)
        {
            hash.Add(key, StringComparer.Ordinal);
            hash.Add(value, StringComparer.Ordinal);
        }

        return hash.ToHashCode();
    }

    /// <summary>Reads a map of texts; null when it is absent.</summary>
    /// <exception cref="ControlFormatException">It is no map of texts within the limits.</exception>
    internal static ProfileFields? Parse(ControlMap body, string key)
    {
        if (body.Map(key) is not { } map)
        {
            return null;
        }

        // A nil stands for an absent key here as everywhere (§2.4).
        return new ProfileFields(map.Keys.Select(name => (Name: name, Value: map.Text(name, PeopleLimits.FieldValueSizeMax)))
            .Where(field => field.Value is not null)
            .Select(field => new KeyValuePair<string, string>(field.Name, field.Value!)));
    }

    internal ControlMap ToMap()
    {
        ControlMap map = new();
        foreach ((string key, string value) in _fields)
        {
            map.Set(key, value);
        }

        return map;
    }
}
