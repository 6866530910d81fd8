/* SPDX-License-Identifier: MIT
 *
 * A shared object for test_module.c that is no module.
 */
extern const int not_a_module;
__attribute__((visibility("default"))) const int not_a_module = 1;
