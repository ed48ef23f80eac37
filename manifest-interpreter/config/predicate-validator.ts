import { ConfigError } from './config-error.ts'

/**
 * In the reference every use of PredicateValidator fails, for any value: a manifest that has one cannot be
 * used there.
 */
export function predicateValidator(): never {
  throw new ConfigError(
    'PredicateValidator.validate() takes 1 positional argument but 2 were given',
  )
}
