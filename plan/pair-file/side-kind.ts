import type { z } from 'zod'
import type { SidePlace, StreamPlace } from '../../engine/two-way/open-pair.ts'
import type { DeletePolicy } from '../../sinks/two-way/decision.ts'
import type { SideName } from '../../sinks/two-way/link.ts'
import type { Environment } from '../environment.ts'
import type { FileProblem } from '../run-file/file-problem.ts'
import type { FieldPath } from '../run-file/source-position.ts'

/** A kind of side that a pair file can name: a database, a vendor. Read this first. */
export interface SideKind {
  /** Reads the part of a pair file that belongs to this side. Undefined: `problems` has what is wrong. */
  read(parts: SideParts, problems: SideProblems): Promise<ReadSide | undefined>
}

/** The part of a file: `a` or `b`, and the same name in each stream. */
export interface SideParts {
  readonly side: SideName
  /** As the file names it: `postgres`, or a connector. */
  readonly type: string
  /** Without its type. */
  readonly config: unknown
  readonly streams: readonly SideStream[]
  readonly environment: Environment
  /** The folder of the pair file: relative paths begin there. */
  readonly folder: string
}

export interface SideStream {
  readonly name: string
  readonly place: unknown
  readonly deletes: DeletePolicy
  /** The side's own names of the fields, by their shared names. */
  readonly fields: ReadonlyMap<string, string>
}

export interface SideProblems {
  /** Checks the configuration, or with a stream's name its place. Undefined: it has problems. */
  check<Schema extends z.ZodType>(
    schema: Schema,
    document: unknown,
    stream?: string,
  ): z.output<Schema> | undefined
  /** @param path below the configuration, or below the place in the stream */
  add(problem: { readonly path: FieldPath; readonly stream?: string } & SideProblem): void
  /** Problems that another reader found, with their whole paths in the file. */
  addFound(problems: readonly FileProblem[]): void
}

interface SideProblem {
  readonly problem: string
  readonly fix: string
}

/** A side that is complete, as far as that can be known without asking it. */
export interface ReadSide {
  /** Its address without a secret, for people and for the token of a preview. */
  readonly place: string
  /** The place of each stream: two sides must not have the same. */
  readonly streamPlaces: ReadonlyMap<string, string>
  /** So often it is asked for its changes in a run without end. Undefined: it reports them by itself. */
  readonly pollMs: number | undefined
  /** Texts that must never be shown. */
  readonly secrets: readonly string[]
  /** How it is opened. */
  readonly side: SidePlace
  /** The table or object of each stream. */
  readonly streams: ReadonlyMap<string, StreamPlace>
}
