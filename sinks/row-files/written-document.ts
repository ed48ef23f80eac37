import { z } from 'zod'

/** More processes than that do not write a document while one of them looks what became of its write. */
const mostWrites = 64

/**
 * A document as it is stored: with the ids of its last writes, the newest first. By them a process knows
 * that a version which it finds stands on the one that it wrote, and does not decide again.
 */
export interface WrittenDocument<Content> {
  readonly writes: readonly string[]
  readonly content: Content
}

export function writtenSchema<Content>(
  content: z.ZodType<Content>,
): z.ZodType<WrittenDocument<Content>> {
  return z.object({ writes: z.array(z.string()), content })
}

/** The version after this one. */
export function nextWritten<Content>(
  before: WrittenDocument<Content> | undefined,
  write: string,
  content: Content,
): WrittenDocument<Content> {
  return { writes: [write, ...(before?.writes ?? [])].slice(0, mostWrites), content }
}
