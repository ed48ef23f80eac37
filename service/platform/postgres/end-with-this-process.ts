import { spawn, type ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'

/**
 * Sends `signal` to the child when this process is gone. For children that are detached, so that Ctrl-C in a
 * terminal does not end them first.
 */
export function endWithThisProcess(child: ChildProcess, signal: 'INT' | 'TERM' | 'KILL'): void {
  const watchdog = afterThisProcess(`kill -${signal} "$1"`, String(child.pid))
  child.once('exit', () => watchdog.kill('SIGKILL'))
}

/**
 * Runs the shell script, with the argument as `$1`, when this process is gone, however it ended (SIGKILL
 * included): a watchdog holds one end of a pipe that closes with us. Without the watchdog, which is returned,
 * it does not run.
 */
export function afterThisProcess(script: string, argument: string): ChildProcess {
  const watchdog = spawn('/bin/sh', ['-c', `read -r _; ${script}`, 'watchdog', argument], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watchdog.unref()
  // A pipe's socket keeps the event loop running until it is released.
  if (watchdog.stdin instanceof Socket) watchdog.stdin.unref()
  return watchdog
}
