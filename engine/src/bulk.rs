// SPDX-License-Identifier: Apache-2.0
//! What takes long between two looks at the epoch: bulk memory instructions, and host calls.
//!
//! `memory.fill`, `memory.copy` and `memory.init` are one instruction each, whatever their length,
//! and Wasmtime looks at the epoch between instructions: a guest that fills 4 GiB would hold its
//! thread for seconds. Here each of them becomes a call of a function that is added to the module
//! and goes in steps of `STEP` bytes, with a loop around them, in which the epoch is looked at.
//! A length of up to one step costs the call alone. What is out of bounds traps before anything is
//! written, as it did. Tables are small (see engine_impl.h), so `table.fill`, `.copy`, `.init` and
//! `.grow` stay whole; but before each of them, and before `memory.grow`, stands the call of an empty
//! function, where the epoch is looked at: straight-line code may have thousands.
//!
//! Host functions look at no epoch either, and straight-line code may call thousands of them. So each
//! imported function gets one that stands for it and does nothing but call it: the epoch is looked at
//! where that begins. Whatever named the imported one (calls, tables, `ref.func`, exports) names the
//! other.
//!
//! Only types, functions and bodies are added, each behind those that are there, so no index of the
//! module changes.

use std::collections::BTreeMap;
use wasm_encoder::reencode::{utils, Error, Reencode};
use wasm_encoder::{
    BlockType, CodeSection, CustomSection, Function, FunctionSection, Instruction, Module,
    TypeSection, ValType,
};
use wasmparser::{
    CodeSectionReader, CompositeInnerType, FunctionBody, Operator, Parser, Payload, TypeRef,
};

/// About 50 us, page faults included. With each change of what is made here, raise
/// `SAMOZA_ENGINE_REVISION` (include/samoza_engine.h).
pub const STEP: i32 = 64 << 10;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bulk {
    Fill,
    Copy,
    /// Of the data segment with this index.
    Init(u32),
}

#[derive(Default)]
struct Stepper {
    types: u32,
    functions: u32,
    /// The types of imported functions, by index; how many parameters a type has.
    imports: Vec<u32>,
    params: Vec<u32>,
    defines_functions: bool,
    /// There are instructions before which the epoch is looked at.
    looks: bool,
    segments: Vec<usize>,
    /// The function that stands for each instruction that occurs.
    steps: BTreeMap<Bulk, u32>,
}

fn bulk_of(operator: &Operator<'_>) -> Option<Bulk> {
    match operator {
        Operator::MemoryFill { mem: 0 } => Some(Bulk::Fill),
        Operator::MemoryCopy { dst_mem: 0, src_mem: 0 } => Some(Bulk::Copy),
        Operator::MemoryInit { data_index, mem: 0 } => Some(Bulk::Init(*data_index)),
        _ => None,
    }
}

fn takes_a_look(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. }
            | Operator::TableGrow { .. }
            | Operator::MemoryGrow { .. }
    )
}

impl Stepper {
    /// What is in the module; `steps` is empty where nothing has to change.
    fn look(module: &[u8]) -> wasmparser::Result<Self> {
        let mut found = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        for ty in group?.types() {
                            found.types += 1;
                            found.params.push(match &ty.composite_type.inner {
                                CompositeInnerType::Func(f) => f.params().len() as u32,
                                _ => 0,
                            });
                        }
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import?.ty {
                            found.functions += 1;
                            found.imports.push(ty);
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    found.functions += section.count();
                    found.defines_functions |= section.count() > 0;
                }
                Payload::DataSection(section) => {
                    for segment in section {
                        found.segments.push(segment?.data.len());
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    for operator in body.get_operators_reader()? {
                        let operator = operator?;
                        found.looks |= takes_a_look(&operator);
                        if let Some(bulk) = bulk_of(&operator) {
                            found.steps.insert(bulk, 0);
                        }
                    }
                }
                _ => {}
            }
        }
        // A segment of less than a step needs none.
        let segments = std::mem::take(&mut found.segments);
        found.steps.retain(|bulk, _| match bulk {
            Bulk::Init(at) => segments.get(*at as usize).is_some_and(|n| *n > STEP as usize),
            _ => true,
        });
        found.segments = segments;
        for (index, at) in (found.functions..).zip(found.steps.values_mut()) {
            *at = index;
        }
        Ok(found)
    }

    fn changes_nothing(&self) -> bool {
        self.steps.is_empty() && !self.wraps() && !self.looks
    }

    /// Without code of its own a module calls nothing.
    fn wraps(&self) -> bool {
        self.defines_functions && !self.imports.is_empty()
    }

    /// The function that stands for the imported one with this index.
    fn wrapper_of(&self, import: u32) -> u32 {
        self.functions + self.steps.len() as u32 + import
    }

    /// The empty function.
    fn look_function(&self) -> u32 {
        let wrappers = if self.wraps() { self.imports.len() as u32 } else { 0 };
        self.functions + self.steps.len() as u32 + wrappers
    }

    fn wrapper(&self, import: u32, ty: u32) -> Function {
        let mut body = Function::new([]);
        for local in 0..self.params.get(ty as usize).copied().unwrap_or(0) {
            body.instruction(&Instruction::LocalGet(local));
        }
        body.instruction(&Instruction::Call(import));
        body.instruction(&Instruction::End);
        body
    }

    fn body(&self, bulk: Bulk) -> Function {
        let mut body = Body(Function::new([]), bulk);
        body.at_once_up_to_a_step();
        match bulk {
            Bulk::Fill => {
                body.traps_out_of_bounds(0, None);
                body.upwards(false);
            }
            Bulk::Copy => {
                body.traps_out_of_bounds(0, None);
                body.traps_out_of_bounds(1, None);
                // Where the ranges overlap the end that is read first must not be written yet.
                body.put(Instruction::LocalGet(0));
                body.put(Instruction::LocalGet(1));
                body.put(Instruction::I32GtU);
                body.put(Instruction::If(BlockType::Empty));
                body.downwards();
                body.put(Instruction::End);
                body.upwards(true);
            }
            Bulk::Init(at) => {
                body.traps_out_of_bounds(0, None);
                body.traps_out_of_bounds(1, Some(self.segments[at as usize]));
                body.upwards(true);
            }
        }
        body.put(Instruction::End);
        body.0
    }
}

/// Locals: 0 where to, 1 the value or where from, 2 the length; all i32.
struct Body(Function, Bulk);

impl Body {
    fn put(&mut self, instruction: Instruction<'_>) {
        self.0.instruction(&instruction);
    }
    fn operation(&mut self) {
        match self.1 {
            Bulk::Fill => self.put(Instruction::MemoryFill(0)),
            Bulk::Copy => self.put(Instruction::MemoryCopy { src_mem: 0, dst_mem: 0 }),
            Bulk::Init(data_index) => self.put(Instruction::MemoryInit { mem: 0, data_index }),
        };
    }
    fn whole(&mut self) {
        for local in 0..3 {
            self.put(Instruction::LocalGet(local));
        }
        self.operation();
        self.put(Instruction::Return);
    }
    fn at_once_up_to_a_step(&mut self) {
        self.put(Instruction::LocalGet(2));
        self.put(Instruction::I32Const(STEP));
        self.put(Instruction::I32LeU);
        self.put(Instruction::If(BlockType::Empty));
        self.whole();
        self.put(Instruction::End);
    }
    /// Of the memory, or of `size` bytes: then the whole instruction does.
    fn traps_out_of_bounds(&mut self, start: u32, size: Option<usize>) {
        for local in [start, 2] {
            self.put(Instruction::LocalGet(local));
            self.put(Instruction::I64ExtendI32U);
        }
        self.put(Instruction::I64Add);
        match size {
            Some(bytes) => self.put(Instruction::I64Const(bytes as i64)),
            None => {
                self.put(Instruction::MemorySize(0));
                self.put(Instruction::I64ExtendI32U);
                self.put(Instruction::I64Const(16));
                self.put(Instruction::I64Shl);
            }
        };
        self.put(Instruction::I64GtU);
        self.put(Instruction::If(BlockType::Empty));
        self.whole();
        self.put(Instruction::End);
    }
    fn move_local(&mut self, local: u32, by: Instruction<'_>) {
        self.put(Instruction::LocalGet(local));
        self.put(Instruction::I32Const(STEP));
        self.put(by);
        self.put(Instruction::LocalSet(local));
    }
    fn upwards(&mut self, both: bool) {
        self.put(Instruction::Loop(BlockType::Empty));
        self.at_once_up_to_a_step();
        self.put(Instruction::LocalGet(0));
        self.put(Instruction::LocalGet(1));
        self.put(Instruction::I32Const(STEP));
        self.operation();
        self.move_local(0, Instruction::I32Add);
        if both {
            self.move_local(1, Instruction::I32Add);
        }
        self.move_local(2, Instruction::I32Sub);
        self.put(Instruction::Br(0));
        self.put(Instruction::End);
    }
    fn downwards(&mut self) {
        self.put(Instruction::Loop(BlockType::Empty));
        self.at_once_up_to_a_step();
        self.move_local(2, Instruction::I32Sub);
        for local in 0..2 {
            self.put(Instruction::LocalGet(local));
            self.put(Instruction::LocalGet(2));
            self.put(Instruction::I32Add);
        }
        self.put(Instruction::I32Const(STEP));
        self.operation();
        self.put(Instruction::Br(0));
        self.put(Instruction::End);
    }
}

impl Reencode for Stepper {
    type Error = std::convert::Infallible;

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([ValType::I32; 3], []);
        types.ty().function([], []);
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_function_section(self, functions, section)?;
        for _ in &self.steps {
            functions.function(self.types);
        }
        if self.wraps() {
            for ty in &self.imports {
                functions.function(*ty);
            }
        }
        if self.looks {
            functions.function(self.types + 1);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_code_section(self, code, section)?;
        for bulk in self.steps.keys() {
            code.function(&self.body(*bulk));
        }
        if self.wraps() {
            for (import, ty) in (0..).zip(&self.imports) {
                code.function(&self.wrapper(import, *ty));
            }
        }
        if self.looks {
            let mut empty = Function::new([]);
            empty.instruction(&Instruction::End);
            code.function(&empty);
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let operator = reader.read()?;
            if takes_a_look(&operator) {
                function.instruction(&Instruction::Call(self.look_function()));
            }
            function.instruction(&self.instruction(operator)?);
        }
        code.function(&function);
        Ok(())
    }

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Self::Error>> {
        let imported = (function as usize) < self.imports.len();
        Ok(if imported && self.wraps() { self.wrapper_of(function) } else { function })
    }

    fn instruction<'a>(
        &mut self,
        operator: Operator<'a>,
    ) -> Result<Instruction<'a>, Error<Self::Error>> {
        if let Some(function) = bulk_of(&operator).and_then(|bulk| self.steps.get(&bulk)) {
            return Ok(Instruction::Call(*function));
        }
        utils::instruction(self, operator)
    }

    /// As it is: no index in it changes, and what cannot be read in it is nobody's trouble.
    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        module.section(&CustomSection {
            name: section.name().into(),
            data: section.data().into(),
        });
        Ok(())
    }
}

fn in_steps(module: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut stepper = Stepper::look(module).map_err(|e| e.to_string())?;
    if stepper.changes_nothing() {
        return Ok(None);
    }
    let mut out = Module::new();
    stepper
        .parse_core_module(&mut out, Parser::new(0), module)
        .map_err(|e| e.to_string())?;
    Ok(Some(out.finish()))
}

/// 0: the module needs no change. 1: `out` is the changed module. 2: `out` says in words why the
/// module cannot be read. `out` is given back with `samoza_bytes_delete`.
///
/// # Safety
/// `module` points to `length` bytes; `out` and `out_length` may be written.
#[no_mangle]
pub unsafe extern "C" fn samoza_bulk_in_steps(
    module: *const u8,
    length: usize,
    out: *mut *mut u8,
    out_length: *mut usize,
) -> i32 {
    let (code, bytes) = match in_steps(std::slice::from_raw_parts(module, length)) {
        Ok(None) => return 0,
        Ok(Some(changed)) => (1, changed),
        Err(why) => (2, why.into_bytes()),
    };
    let bytes = bytes.into_boxed_slice();
    *out_length = bytes.len();
    *out = Box::into_raw(bytes).cast();
    code
}

/// # Safety
/// `bytes` and `length` are what `samoza_bulk_in_steps` gave, once.
#[no_mangle]
pub unsafe extern "C" fn samoza_bytes_delete(bytes: *mut u8, length: usize) {
    drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(bytes, length)));
}
