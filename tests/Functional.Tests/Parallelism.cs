// Most of these tests wait, for deadlines and for processes: three fixtures at a time keep two cores busy and no more.
[assembly: Parallelizable(ParallelScope.Fixtures)]
[assembly: LevelOfParallelism(3)]
