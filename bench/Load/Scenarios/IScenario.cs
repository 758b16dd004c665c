using FastChat.Bench.Compare;
using FastChat.Bench.Load.Measure;
using FastChat.Bench.Load.Reports;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>A kind of work: what a system has to prepare for it, and how it is done and measured once.</summary>
internal interface IScenario
{
    /// <summary>True for what only a broker with people, members and lists has: there is nothing in the other systems to hold it against.</summary>
    bool IsOfChat => false;

    /// <summary>The settings with this scenario's defaults where none were given.</summary>
    RunSettings WithDefaults(RunSettings settings);

    /// <summary>What the system is asked to make beforehand.</summary>
    WorkPlan Plan(RunSettings settings);

    /// <summary>Loads a started and prepared system once. Generator thread; may take as long as the settings say.</summary>
    ResultRow Run(SystemUnderTest system, RunSettings settings, FlushCounter flushes);
}
