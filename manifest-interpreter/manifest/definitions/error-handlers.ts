import { anyOf, choice, component, integer, limited, list, number, text, typed } from './shape.ts'
import type { Definitions } from './shape.ts'

const numberOrText = anyOf(number, text)

export const errorHandlerDefinitions: Definitions = {
  DefaultErrorHandler: typed({
    fields: {
      backoff_strategies: list(
        component(
          'ConstantBackoffStrategy',
          'ExponentialBackoffStrategy',
          'WaitTimeFromHeader',
          'WaitTimeFromResponse',
          'WaitUntilTimeFromHeader',
          'CustomBackoffStrategy',
        ),
      ),
      max_retries: anyOf(integer, text),
      response_filters: list(component('HttpResponseFilter')),
    },
  }),
  CompositeErrorHandler: typed({
    required: ['error_handlers'],
    fields: {
      error_handlers: list(
        component('CompositeErrorHandler', 'DefaultErrorHandler', 'CustomErrorHandler'),
      ),
    },
  }),
  CustomErrorHandler: typed({ required: ['class_name'], fields: { class_name: text } }),
  HttpResponseFilter: typed({
    fields: {
      action: choice(
        'SUCCESS',
        'FAIL',
        'RETRY',
        'IGNORE',
        'RESET_PAGINATION',
        'RATE_LIMITED',
        'REFRESH_TOKEN_THEN_RETRY',
        'REDUCE_PAGE_SIZE',
        'SPLIT_REQUEST_WINDOW',
      ),
      failure_type: choice('system_error', 'config_error', 'transient_error'),
      error_message: text,
      error_message_contains: text,
      http_codes: list(integer, { distinct: true }),
      predicate: text,
    },
  }),
  ConstantBackoffStrategy: typed({
    required: ['backoff_time_in_seconds'],
    fields: {
      backoff_time_in_seconds: anyOf(limited(number, { min: 0 }), text),
      jitter_range_in_seconds: limited(number, { min: 0 }),
    },
  }),
  ExponentialBackoffStrategy: typed({
    fields: { factor: numberOrText, jitter_range_in_seconds: limited(number, { min: 0 }) },
  }),
  WaitTimeFromHeader: typed({
    required: ['header'],
    fields: { header: text, regex: text, max_waiting_time_in_seconds: numberOrText },
  }),
  WaitTimeFromResponse: typed({
    required: ['wait_time_in_seconds'],
    fields: { wait_time_in_seconds: text, max_waiting_time_in_seconds: numberOrText },
  }),
  WaitUntilTimeFromHeader: typed({
    required: ['header'],
    fields: {
      header: text,
      min_wait: numberOrText,
      regex: text,
      max_waiting_time_in_seconds: numberOrText,
    },
  }),
  CustomBackoffStrategy: typed({ required: ['class_name'], fields: { class_name: text } }),
}
