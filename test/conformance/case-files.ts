import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseExact } from '../../protocol/index.ts'
import type { Exchange } from './tape-transport.ts'

export type Phase = 'spec' | 'check' | 'discover' | 'read' | 'read2'

export interface CaseFile {
  readonly name: string
  readonly frozen_time: string
  readonly sleep_advances_clock: boolean
  readonly uuid: string
  readonly phases: Readonly<Partial<Record<Phase, PhaseFile>>>
}
interface PhaseFile {
  readonly waits?: readonly number[]
  readonly order_sensitive?: number
}

/** One canonical message of `expected.jsonl`. */
export interface ExpectedMessage {
  readonly type: string
  readonly [field: string]: unknown
}

/** Reads the files of a case. */
export class CaseFolder {
  readonly path: string
  readonly file: CaseFile

  constructor(path: string) {
    this.path = path
    this.file = this.#json('case.json') as CaseFile
  }

  manifest(): string {
    return readFileSync(join(this.path, 'manifest.yaml'), 'utf8')
  }

  /** Numbers keep their digits. */
  exact(name: string): unknown {
    const path = join(this.path, name)
    return existsSync(path) ? parseExact(readFileSync(path, 'utf8')) : undefined
  }

  text(name: string): string | undefined {
    const path = join(this.path, name)
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined
  }

  exchanges(phase: Phase): Exchange[] {
    return this.#lines(`${prefixOf(phase)}exchanges.jsonl`) as Exchange[]
  }

  expected(phase: Phase): ExpectedMessage[] {
    return this.#lines(`${prefixOf(phase)}expected.jsonl`) as ExpectedMessage[]
  }

  #json(name: string): unknown {
    return JSON.parse(readFileSync(join(this.path, name), 'utf8'))
  }

  #lines(name: string): unknown[] {
    const lines = (this.text(name) ?? '').split('\n').filter((line) => line !== '')
    return lines.map((line) => parseExact(line))
  }
}

/** The files of a first read have no prefix. */
export function prefixOf(phase: Phase): string {
  return phase === 'read' ? '' : `${phase}.`
}
