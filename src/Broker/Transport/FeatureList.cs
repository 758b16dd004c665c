using System.Collections;

using Microsoft.AspNetCore.Http.Features;

namespace FastChat.Broker.Transport;

/// <summary>A connection's features, which are three or four: a list, where the framework's own collection is a dictionary of several hundred bytes.</summary>
internal sealed class FeatureList : IFeatureCollection
{
    private KeyValuePair<Type, object>[] _features = [];

    /// <inheritdoc/>
    public bool IsReadOnly => false;

    /// <inheritdoc/>
    public int Revision { get; private set; }

    /// <inheritdoc/>
    public object? this[Type key]
    {
        get => Array.Find(_features, feature => feature.Key == key).Value;
        set
        {
            KeyValuePair<Type, object>[] others = Array.FindAll(_features, feature => feature.Key != key);
            _features = value is null ? others : [.. others, new(key, value)];
            Revision++;
        }
    }

    /// <inheritdoc/>
    public TFeature? Get<TFeature>()
    {
        foreach (KeyValuePair<Type, object> feature in _features)
        {
            if (feature.Key == typeof(TFeature))
            {
                return (TFeature)feature.Value;
            }
        }

        return default;
    }

    /// <inheritdoc/>
    public void Set<TFeature>(TFeature? instance) => this[typeof(TFeature)] = instance;

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<Type, object>> GetEnumerator() => ((IEnumerable<KeyValuePair<Type, object>>)_features).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
