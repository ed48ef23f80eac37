import type { Destination, LoadedStream, RunStart, StreamSync } from './sink.ts'

/**
 * The destination of a preview, which begins as a run would and stores nothing: the methods that only store,
 * or return what was stored.
 */
export abstract class UnstoredDestination implements Destination {
  abstract startRun(connection: string, key?: string): Promise<RunStart>
  abstract begin(...args: Parameters<Destination['begin']>): Promise<StreamSync>
  abstract savePlan(...args: Parameters<Destination['savePlan']>): Promise<void>
  abstract [Symbol.asyncDispose](): Promise<void>

  check(): Promise<void> {
    return Promise.resolve()
  }

  endRun(): Promise<void> {
    return Promise.resolve()
  }

  newerStart(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  loadedStreams(): Promise<readonly LoadedStream[]> {
    return Promise.resolve([])
  }

  untold(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  finish(): Promise<readonly string[]> {
    return Promise.resolve([])
  }

  noteWarning(): Promise<void> {
    return Promise.resolve()
  }

  leaveLog(): Promise<void> {
    return Promise.resolve()
  }

  forget(): Promise<void> {
    return Promise.resolve()
  }

  changeStates(): Promise<void> {
    return Promise.resolve()
  }
}
