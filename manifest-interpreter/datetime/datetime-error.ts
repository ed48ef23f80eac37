export { PythonError as DatetimeError } from '../value/python-error.ts'
