// How a slip names the tests that must notice it.

/** A test of GoogleTest: the program (a file of test/native without its ending) and `Suite.Name`. */
export const gtest = (program, name) => ({ gtest: program, name });

/** A file of Jest and a part of the titles meant, as it stands in the source; without one, the whole file. */
export const jest = (file, name) => ({ jest: file, name });
