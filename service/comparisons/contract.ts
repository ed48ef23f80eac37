import type { CompareOptions } from '../../engine/compare/compare-options.ts'
import type { ComparisonReport } from '../../engine/compare/comparison-report.ts'

/** Compares the rows of a connection's source with those of its tables. Nothing is stored. */
export interface ComparisonService {
  /**
   * Ends within the time of a request: streams that are not compared by then are `stopped`. Throws
   * `connection_not_found`, `stream_not_found`, `comparison_refused`, `comparison_limit_reached`, and errors
   * that would keep a run from reading.
   */
  compare(connection: string, input: ComparisonRequest): Promise<ComparisonReport>
}

export interface ComparisonRequest {
  /** Undefined: all. */
  readonly streams?: readonly string[]
  readonly options: CompareOptions
}
