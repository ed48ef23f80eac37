import { recordFilter } from './record-filter.ts'
import { recordSelector } from './record-selector.ts'
import type { Component } from '../../component.ts'

export const recordSelectors: ReadonlyMap<string, Component<'recordSelector'>> = new Map([
  ['RecordSelector', recordSelector],
])
export const recordFilters: ReadonlyMap<string, Component<'recordFilter'>> = new Map([
  ['RecordFilter', recordFilter],
])
