import { cursorPagination } from './cursor-pagination.ts'
import { defaultPaginator } from './default-paginator.ts'
import { noPagination } from './no-pagination.ts'
import { offsetIncrement } from './offset-increment.ts'
import { pageIncrement } from './page-increment.ts'
import type { Component } from '../../component.ts'

export const paginators: ReadonlyMap<string, Component<'paginator'>> = new Map<
  string,
  Component<'paginator'>
>([
  ['DefaultPaginator', defaultPaginator],
  ['NoPagination', noPagination],
])

export const paginationStrategies: ReadonlyMap<string, Component<'paginationStrategy'>> = new Map<
  string,
  Component<'paginationStrategy'>
>([
  ['CursorPagination', cursorPagination],
  ['OffsetIncrement', offsetIncrement],
  ['PageIncrement', pageIncrement],
])
