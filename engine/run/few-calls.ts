import type { Slots } from '../../lib/async/slots.ts'
import type { Destination, StreamSync } from '../../sinks/sink.ts'
import type { StreamLog } from '../log/stream-log.ts'

/**
 * The destination for a run that begins all of its streams at the same time: each call takes a session, so
 * only a few are in progress and the others wait in line.
 */
export function withFewCalls(destination: Destination, slots: Slots): Destination {
  const changeTable = destination.changeTable?.bind(destination)
  const requireFreeTables = destination.requireFreeTables?.bind(destination)
  return {
    check: () => destination.check(),
    startRun: (...call) => destination.startRun(...call),
    endRun: (...call) => destination.endRun(...call),
    newerStart: (...call) => slots.run(() => destination.newerStart(...call)),
    ...(requireFreeTables && { requireFreeTables }),
    loadedStreams: (...call) => destination.loadedStreams(...call),
    begin: (...call) => slots.run(() => destination.begin(...call)),
    ...(changeTable && {
      changeTable: (sync: StreamSync) => slots.run(() => changeTable(sync)),
    }),
    untold: (...call) => slots.run(() => destination.untold(...call)),
    savePlan: (...call) => slots.run(() => destination.savePlan(...call)),
    finish: (...call) => slots.run(() => destination.finish(...call)),
    noteWarning: (...call) => slots.run(() => destination.noteWarning(...call)),
    leaveLog: (...call) => slots.run(() => destination.leaveLog(...call)),
    forget: (...call) => destination.forget(...call),
    changeStates: (...call) => destination.changeStates(...call),
    [Symbol.asyncDispose]: () => destination[Symbol.asyncDispose](),
  }
}

/** The same for the log: each stream may need a topic of its own. */
export function withFewOpenings(log: StreamLog, slots: Slots): StreamLog {
  return {
    openStream: (stream) => slots.run(() => log.openStream(stream)),
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  }
}
