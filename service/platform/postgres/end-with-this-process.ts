import { spawn, type ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'

/**
 * Sends `signal` to the child when this process is gone, however it ended (SIGKILL included): a watchdog holds one end
 * of a pipe that closes with us. For children that are detached, so that Ctrl-C in a terminal does not end them first.
 */
export function endWithThisProcess(child: ChildProcess, signal: 'INT' | 'TERM' | 'KILL'): void {
  const script = `read -r _; kill -${signal} "$1"`
  const watchdog = spawn('/bin/sh', ['-c', script, 'watchdog', String(child.pid)], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watchdog.unref()
  // A pipe's socket keeps the event loop running until it is released.
  if (watchdog.stdin instanceof Socket) watchdog.stdin.unref()
  child.once('exit', () => watchdog.kill('SIGKILL'))
}
