import type { z } from 'zod'
import type { KafkaServers } from '../kafka/kafka-servers.ts'

/** How a run file describes a destination: `destination.url` and `destination.config`. */
export interface RunFileForm<Config> {
  /** The configuration. Reports what is missing or wrong, and then returns undefined. */
  resolve(described: DescribedDestination, report: FormReport): Config | undefined
  /** The part of `destination.url` that is secret; default: none. */
  secretOfUrl?(url: string): string | undefined
}

export interface DescribedDestination {
  readonly url: string | undefined
  /** Not checked yet: see `FormReport.check`. */
  readonly config: unknown
  /** The brokers of the file's log: those of a destination that names none of its own. */
  readonly logServers: Omit<KafkaServers, 'clientId'>
  /** The folder of the file, which relative paths count from. */
  readonly folder: string
  /** The variables of the environment: defaults of fields that other programs read there too. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

export interface FormReport {
  /** Checks `destination.config`, and reports what the schema refuses. */
  readonly check: <Fields>(schema: z.ZodType<Fields>, config: unknown) => Fields | undefined
  readonly add: (problem: FormProblem) => void
}

/** Something wrong with the destination: `field` is below `destination`. */
export interface FormProblem {
  readonly field: readonly string[]
  readonly problem: string
  readonly fix: string
}

export type AddProblem = FormReport['add']
