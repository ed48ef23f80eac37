import { combinedExtractor } from './combined-extractor.ts'
import { dpathExtractor } from './dpath-extractor.ts'
import { responseToFileExtractor } from './response-to-file-extractor.ts'
import type { Component } from '../../component.ts'

export const extractors: ReadonlyMap<string, Component<'extractor'>> = new Map<
  string,
  Component<'extractor'>
>([
  ['CombinedExtractor', combinedExtractor],
  ['DpathExtractor', dpathExtractor],
  ['ResponseToFileExtractor', responseToFileExtractor],
])
