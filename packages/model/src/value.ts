/** A value of the expression language that can be written down: what matrices, inputs and contexts are made of. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };
