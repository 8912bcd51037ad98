\set x 77
