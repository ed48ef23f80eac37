import type { Component } from '../../contracts.ts'
import { asyncRetriever } from './async-retriever.ts'

export const retrievers: ReadonlyMap<string, Component<'retriever'>> = new Map([
  ['AsyncRetriever', asyncRetriever],
])
