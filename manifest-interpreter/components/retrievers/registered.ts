import { asyncRetriever } from '../async-jobs/async-retriever.ts'
import { simpleRetriever } from './build-simple-retriever.ts'
import type { Component } from '../../component.ts'

export const retrievers: ReadonlyMap<string, Component<'retriever'>> = new Map<
  string,
  Component<'retriever'>
>([
  ['AsyncRetriever', asyncRetriever],
  ['SimpleRetriever', simpleRetriever],
])
