export { nearestWord as suggest } from "@windrow/model";
