import { writeSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/**
 * Prints `N passed, N failed` (and `, N skipped` if tests were left out) as the very last line of a run. A
 * file that cannot be loaded, and an error outside of a test, count as failed; so does a run that never came
 * to its tests.
 */
class SummaryReporter implements Reporter {
  #passed = 0
  #failed = 1
  #skipped = 0

  onInit(): void {
    process.once('exit', (status) => {
      if (status !== 0) this.#failed = Math.max(this.#failed, 1)
      const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : ''
      writeSync(1, `${this.#passed} passed, ${this.#failed} failed${skipped}\n`)
    })
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#passed = 0
    this.#failed = unhandledErrors.length
    this.#skipped = 0
    for (const module of modules) this.#count(module)
  }

  #count(module: TestModule): void {
    const failedBefore = this.#failed
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') this.#passed += 1
      else if (state === 'failed') this.#failed += 1
      else this.#skipped += 1
    }
    if (!module.ok() && this.#failed === failedBefore) this.#failed += 1
  }
}

// Vitest loads a reporter by its path and takes the default export.
export default SummaryReporter
