import type { RouteDefinition } from "../route.ts";
import {
  deleteVariableQuerySchema,
  listVariablesQuerySchema,
  setVariableSchema,
  variablePageSchema,
  variableParamsSchema,
  variableSchema,
} from "../variables.ts";

/** Variables (`vars`) of the farm, of an owner, of a repository; the narrowest wins. */
export const VARIABLE_ROUTES = {
  listVariables: {
    method: "GET",
    path: "/api/v1/variables",
    summary: "Variables of one level, by name",
    tag: "variables",
    permission: "variable:read",
    kind: "json",
    query: listVariablesQuerySchema,
    successStatus: 200,
    answer: variablePageSchema,
  },
  setVariable: {
    method: "POST",
    path: "/api/v1/variables",
    summary: "Set a variable, new or not",
    tag: "variables",
    permission: "variable:write",
    kind: "json",
    body: setVariableSchema,
    successStatus: 200,
    answer: variableSchema,
  },
  deleteVariable: {
    method: "DELETE",
    path: "/api/v1/variables/:name",
    summary: "Delete a variable",
    tag: "variables",
    permission: "variable:write",
    kind: "json",
    params: variableParamsSchema,
    query: deleteVariableQuerySchema,
    successStatus: 200,
    answer: variableSchema,
  },
} as const satisfies Record<string, RouteDefinition>;
