import { credentialOf } from '../components/requesters/telling-secrets.ts'
import type { Environment, Logger, SideMessage } from '../contracts.ts'
import { header } from '../http/prepare-request.ts'
import type { SecretFilter } from './secret-filter.ts'

/** Shorter texts are names. */
const minSecretLength = 8

/**
 * The same environment, which receives no secret: log lines and emitted messages are masked. Only
 * `secretFound` gets secrets.
 */
export function maskedEnvironment(environment: Environment, secrets: SecretFilter): Environment {
  const { transport, signal, manifestDirectory, changeConfig, unreadableAnswers } = environment
  const secretFound = (text: string): void => {
    if (text.length < minSecretLength) return
    secrets.learn(text)
    environment.secretFound?.(text)
  }
  return {
    nowMicros: () => environment.nowMicros(),
    sleep: (seconds) => environment.sleep(seconds),
    uuid: () => environment.uuid(),
    random: (low, high) => environment.random(low, high),
    signal,
    logger: maskedLogger(environment.logger, secrets),
    ...(manifestDirectory !== undefined && { manifestDirectory }),
    ...(unreadableAnswers !== undefined && { unreadableAnswers }),
    secretFound,
    ...(environment.loginResponded !== undefined && {
      loginResponded: (response) => environment.loginResponded?.(response),
    }),
    transport: {
      send: (request, requestSignal) => {
        // An authenticator reports what it adds; a header of the manifest's own may hold a credential too.
        const sent = credentialOf(header(request.headers, 'authorization') ?? '')
        if (!secrets.knows(sent)) secretFound(sent)
        return transport.send(request, requestSignal)
      },
    },
    emit: (message) => {
      environment.emit(maskedMessage(message, secrets))
    },
    ...(changeConfig !== undefined && {
      changeConfig: async (change) => {
        const config = await changeConfig(change)
        secrets.learnConfig(config)
        return config
      },
    }),
  }
}

/** The configuration goes unmasked to the caller, which has to store it. */
function maskedMessage(message: SideMessage, secrets: SecretFilter): SideMessage {
  switch (message.kind) {
    case 'error':
    case 'authorization-lost':
      return { ...message, error: secrets.error(message.error) }
    case 'config':
      secrets.learnConfig(message.config)
      return message
    case 'unreadable':
      return {
        ...message,
        request: secrets.text(message.request),
        found: secrets.text(message.found),
      }
    case 'rate-limited':
      return message
  }
}

function maskedLogger(logger: Logger, secrets: SecretFilter): Logger {
  const isLevelEnabled = (level: string): boolean => logger.isLevelEnabled?.(level) ?? true
  const masked =
    (severity: 'debug' | 'info' | 'warn') =>
    (facts: unknown, text?: string): void => {
      if (typeof facts === 'string') logger[severity](secrets.beginning(facts))
      else logger[severity](secrets.facts(facts), text)
    }
  return { debug: masked('debug'), info: masked('info'), warn: masked('warn'), isLevelEnabled }
}
