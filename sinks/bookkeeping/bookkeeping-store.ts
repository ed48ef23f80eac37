/**
 * The port of a bookkeeping: two kinds of documents, one for the runs of a connection and one for each
 * stream. The decisions (runs.ts, syncs.ts) are pure functions of a document; a destination only stores it.
 */
export interface StoredDocument<Content> {
  /** The newest content; undefined if there is none. */
  read(): Promise<Content | undefined>
  /**
   * Decides on the newest content, and stores what was decided. All or nothing, and durable when it resolves.
   * If another process has stored something meanwhile, it decides again. What `decide` throws is thrown.
   */
  change<Result>(
    decide: (now: Content | undefined) => DocumentChange<Content, Result>,
  ): Promise<Result>
}

export interface DocumentChange<Content, Result> {
  readonly result: Result
  /** Absent: the document stays as it is. */
  readonly content?: Content
}
