import { declarativeStream } from './declarative-stream.ts'
import { stateDelegatingStream } from './state-delegating-stream.ts'
import type { Component } from '../../component.ts'

export const streams: ReadonlyMap<string, Component<'stream'>> = new Map<
  string,
  Component<'stream'>
>([
  ['DeclarativeStream', declarativeStream],
  ['StateDelegatingStream', stateDelegatingStream],
])
