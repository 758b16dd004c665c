// Most of a fault's round is waiting; three at a time keep two cores busy, and what measures time runs alone.
[assembly: LevelOfParallelism(3)]
