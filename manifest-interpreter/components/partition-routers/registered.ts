import type { Component } from '../../component.ts'
import { cartesianProductStreamSlicer } from './cartesian-product-stream-slicer.ts'
import { groupingPartitionRouter } from './grouping-partition-router.ts'
import { listPartitionRouter } from './list-partition-router.ts'
import { substreamPartitionRouter } from './substream-partition-router.ts'
import { unionPartitionRouter } from './union-partition-router.ts'

export const partitionRouters: ReadonlyMap<string, Component<'partitionRouter'>> = new Map<
  string,
  Component<'partitionRouter'>
>([
  // A list of routers; manifests have no name for it.
  ['CartesianProductStreamSlicer', cartesianProductStreamSlicer],
  ['GroupingPartitionRouter', groupingPartitionRouter],
  ['ListPartitionRouter', listPartitionRouter],
  ['SubstreamPartitionRouter', substreamPartitionRouter],
  ['UnionPartitionRouter', unionPartitionRouter],
])
