//! Expressions (表达式): a condition that is written down, over points of one piece of equipment.
//!
//! ```text
//! [TT-1203] > 40 and ([PT-1203] >= 1.2 or not [XV-1203] = 1)
//! ```
//!
//! The language is small, typed and total. Points stand in brackets by their tag; there are numbers, the four operations,
//! the comparisons `<`, `<=`, `>`, `>=`, `=`, `!=`, the words `and`, `or`, `not`, parentheses, and the functions `abs`, `min`, `max`. A
//! whole expression is a truth value. Every expression comes to an end with an answer: there are no loops, and what has no value
//! (a point without a usable reading, a division by zero, a result that is no finite number) makes the answer unknown where it
//! matters and nowhere else: `false and unknown` is false, `true or unknown` is true (Kleene's three-valued logic). An unknown answer
//! neither holds nor is gone.
//!
//! Problems of the text are told with the place, counted in characters from 1. The text is bounded in length, in parts and in depth.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Verdict;

/// Longest text, in characters.
pub const CHARS_MAX: usize = 500;
/// Most parts: numbers, points, operators.
const NODES_MAX: usize = 100;
/// Deepest nesting.
const DEPTH_MAX: usize = 24;
/// Most points.
pub const POINTS_MAX: usize = 16;

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {why}")]
pub struct BadExpression {
    /// Where, counted in characters from 1.
    pub at: usize,
    /// What is wrong and what would do.
    pub why: String,
}

/// A checked expression. Kept as its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    text: Box<str>,
    points: Vec<Box<str>>,
    root: Node,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(f64),
    Point(usize),
    Negate(Box<Node>),
    Not(Box<Node>),
    Call(Function, Vec<Node>),
    Sum(Arithmetic, Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Abs,
    Min,
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    Unequal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Number,
    Truth,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "a number",
            Self::Truth => "a condition",
        })
    }
}

impl Expression {
    /// Reads a text.
    ///
    /// # Errors
    /// With the place and what would do.
    pub fn parse(text: &str) -> Result<Self, BadExpression> {
        let mut parser = Parser::new(text)?;
        let (root, kind) = parser.either(0)?;
        parser.end()?;
        if kind != Type::Truth {
            let why = "the whole is a number; compare it with something, as in [TT-1] > 40";
            return Err(BadExpression { at: 1, why: why.to_owned() });
        }
        Ok(Self { text: text.trim().into(), points: parser.points, root })
    }

    /// Tags of the points that it speaks of, each once, in the order of the text.
    pub fn points(&self) -> impl Iterator<Item = &str> {
        self.points.iter().map(|tag| &**tag)
    }

    /// Judges by the values of the points in the order of [`Self::points`]; `None` where one has no usable value.
    #[must_use]
    pub fn judge(&self, values: &[Option<f64>]) -> Verdict {
        match truth(&self.root, values) {
            Some(true) => Verdict::Holds,
            Some(false) => Verdict::Gone,
            None => Verdict::Between,
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.text.into()
    }
}

impl TryFrom<String> for Expression {
    type Error = BadExpression;
    fn try_from(text: String) -> Result<Self, BadExpression> {
        Self::parse(&text)
    }
}

fn number(node: &Node, values: &[Option<f64>]) -> Option<f64> {
    let value = match node {
        Node::Number(value) => *value,
        Node::Point(index) => (*values.get(*index)?)?,
        Node::Negate(of) => -number(of, values)?,
        Node::Call(function, of) => {
            let mut of = of.iter().map(|node| number(node, values));
            let first = of.next()??;
            match function {
                Function::Abs => first.abs(),
                Function::Min => of.try_fold(first, |least, next| Some(least.min(next?)))?,
                Function::Max => of.try_fold(first, |most, next| Some(most.max(next?)))?,
            }
        }
        Node::Sum(operator, one, other) => {
            let (one, other) = (number(one, values)?, number(other, values)?);
            match operator {
                Arithmetic::Add => one + other,
                Arithmetic::Subtract => one - other,
                Arithmetic::Multiply => one * other,
                Arithmetic::Divide => one / other,
            }
        }
        Node::Not(_) | Node::Compare(..) | Node::And(..) | Node::Or(..) => return None,
    };
    value.is_finite().then_some(value)
}

#[allow(clippy::float_cmp, reason = "whoever writes = means it: states are whole numbers")]
fn truth(node: &Node, values: &[Option<f64>]) -> Option<bool> {
    match node {
        Node::Not(of) => truth(of, values).map(|known| !known),
        Node::Compare(operator, one, other) => {
            let (one, other) = (number(one, values)?, number(other, values)?);
            Some(match operator {
                Comparison::Less => one < other,
                Comparison::AtMost => one <= other,
                Comparison::Greater => one > other,
                Comparison::AtLeast => one >= other,
                Comparison::Equal => one == other,
                Comparison::Unequal => one != other,
            })
        }
        Node::And(one, other) => match (truth(one, values), truth(other, values)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Node::Or(one, other) => match (truth(one, values), truth(other, values)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Node::Number(_) | Node::Point(_) | Node::Negate(_) | Node::Call(..) | Node::Sum(..) => None,
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Point(String),
    Word(String),
    Sign(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => write!(f, "{value}"),
            Self::Point(tag) => write!(f, "[{tag}]"),
            Self::Word(word) => f.write_str(word),
            Self::Sign(sign) => f.write_str(sign),
        }
    }
}

/// Longer ones first, so that `<=` is not read as `<`.
const SIGNS: [&str; 13] = ["<=", ">=", "!=", "<", ">", "=", "+", "-", "*", "/", "(", ")", ","];

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, BadExpression> {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > CHARS_MAX {
        let why = format!("the text has {} characters; {CHARS_MAX} are the most", chars.len());
        return Err(BadExpression { at: CHARS_MAX + 1, why });
    }
    let run = |from: usize, of: fn(char) -> bool| {
        chars[from..].iter().position(|c| !of(*c)).map_or(chars.len(), |len| from + len)
    };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&first) = chars.get(at) {
        let begin = at;
        if first.is_whitespace() {
            at += 1;
            continue;
        }
        let token = if first.is_ascii_digit() {
            at = run(at, |c| c.is_ascii_digit() || c == '.');
            let digits: String = chars[begin..at].iter().collect();
            let value = digits.parse().map_err(|_| BadExpression {
                at: begin + 1,
                why: format!("{digits:?} is no number; write 12 or 12.5"),
            })?;
            Token::Number(value)
        } else if first == '[' {
            let Some(len) = chars[at..].iter().position(|c| *c == ']') else {
                let why = "the bracket is not closed; a point is written [TAG]".to_owned();
                return Err(BadExpression { at: begin + 1, why });
            };
            let tag: String = chars[at + 1..at + len].iter().collect();
            let tag = tag.trim().to_owned();
            if tag.is_empty() {
                let why = "the brackets are empty; a point is written [TAG]".to_owned();
                return Err(BadExpression { at: begin + 1, why });
            }
            at += len + 1;
            Token::Point(tag)
        } else if first.is_ascii_alphabetic() {
            at = run(at, |c| c.is_ascii_alphanumeric() || c == '_');
            Token::Word(chars[begin..at].iter().collect::<String>().to_ascii_lowercase())
        } else {
            let fits = |sign: &&&str| sign.chars().eq(chars[at..].iter().copied().take(sign.len()));
            let Some(sign) = SIGNS.iter().find(fits) else {
                let why = format!("{first:?} means nothing here");
                return Err(BadExpression { at: begin + 1, why });
            };
            at += sign.len();
            Token::Sign(sign)
        };
        found.push((begin + 1, token));
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    /// Where the text ends, for what is missing there.
    end_at: usize,
    points: Vec<Box<str>>,
    nodes: usize,
}

type Parsed = Result<(Node, Type), BadExpression>;

impl Parser {
    fn new(text: &str) -> Result<Self, BadExpression> {
        let tokens = tokens(text)?;
        let end_at = text.chars().count() + 1;
        Ok(Self { tokens, next: 0, end_at, points: Vec::new(), nodes: 0 })
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end_at, |(at, _)| *at)
    }

    fn wrong<T>(&self, at: usize, why: impl Into<String>) -> Result<T, BadExpression> {
        Err(BadExpression { at, why: why.into() })
    }

    /// Takes a sign or word if it comes next.
    fn takes(&mut self, wanted: &str) -> bool {
        let comes = self.tokens.get(self.next).is_some_and(|(_, token)| match token {
            Token::Sign(sign) => *sign == wanted,
            Token::Word(word) => word == wanted,
            Token::Number(_) | Token::Point(_) => false,
        });
        self.next += usize::from(comes);
        comes
    }

    fn end(&self) -> Result<(), BadExpression> {
        match self.tokens.get(self.next) {
            None => Ok(()),
            Some((at, token)) => {
                self.wrong(*at, format!("{token} is too much; is an operator missing before it?"))
            }
        }
    }

    fn node(&mut self, at: usize, node: Node, kind: Type) -> Parsed {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return self.wrong(at, format!("there are more than {NODES_MAX} parts"));
        }
        Ok((node, kind))
    }

    fn need(
        &self,
        (node, kind): (Node, Type),
        wanted: Type,
        at: usize,
    ) -> Result<Box<Node>, BadExpression> {
        if kind == wanted {
            Ok(Box::new(node))
        } else {
            self.wrong(at, format!("{wanted} is needed here, and this is {kind}"))
        }
    }

    fn either(&mut self, depth: usize) -> Parsed {
        if depth > DEPTH_MAX {
            return self.wrong(self.at(), format!("nested more than {DEPTH_MAX} deep"));
        }
        let begin = self.at();
        let mut one = self.both(depth)?;
        while self.takes("or") {
            let second = self.at();
            let other = self.both(depth)?;
            let (left, right) =
                (self.need(one, Type::Truth, begin)?, self.need(other, Type::Truth, second)?);
            one = self.node(second, Node::Or(left, right), Type::Truth)?;
        }
        Ok(one)
    }

    fn both(&mut self, depth: usize) -> Parsed {
        let begin = self.at();
        let mut one = self.negated(depth)?;
        while self.takes("and") {
            let second = self.at();
            let other = self.negated(depth)?;
            let (left, right) =
                (self.need(one, Type::Truth, begin)?, self.need(other, Type::Truth, second)?);
            one = self.node(second, Node::And(left, right), Type::Truth)?;
        }
        Ok(one)
    }

    fn negated(&mut self, depth: usize) -> Parsed {
        if depth > DEPTH_MAX {
            return self.wrong(self.at(), format!("nested more than {DEPTH_MAX} deep"));
        }
        if self.takes("not") {
            let begin = self.at();
            let of = self.negated(depth + 1)?;
            let of = self.need(of, Type::Truth, begin)?;
            return self.node(begin, Node::Not(of), Type::Truth);
        }
        self.compared(depth)
    }

    fn compared(&mut self, depth: usize) -> Parsed {
        let begin = self.at();
        let one = self.sum(depth)?;
        let operators = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("!=", Comparison::Unequal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("=", Comparison::Equal),
        ];
        for (sign, operator) in operators {
            if self.takes(sign) {
                let second = self.at();
                let other = self.sum(depth)?;
                let (left, right) =
                    (self.need(one, Type::Number, begin)?, self.need(other, Type::Number, second)?);
                return self.node(second, Node::Compare(operator, left, right), Type::Truth);
            }
        }
        Ok(one)
    }

    fn sum(&mut self, depth: usize) -> Parsed {
        let signs = [("+", Arithmetic::Add), ("-", Arithmetic::Subtract)];
        self.chain(depth, signs, Self::product)
    }

    fn product(&mut self, depth: usize) -> Parsed {
        let signs = [("*", Arithmetic::Multiply), ("/", Arithmetic::Divide)];
        self.chain(depth, signs, Self::signed)
    }

    /// Operators of one rank, from left to right.
    fn chain(
        &mut self,
        depth: usize,
        signs: [(&str, Arithmetic); 2],
        part: fn(&mut Self, usize) -> Parsed,
    ) -> Parsed {
        let begin = self.at();
        let mut one = part(self, depth)?;
        while let Some((_, operator)) = signs.iter().find(|(sign, _)| self.takes(sign)) {
            let second = self.at();
            let other = part(self, depth)?;
            let (left, right) =
                (self.need(one, Type::Number, begin)?, self.need(other, Type::Number, second)?);
            one = self.node(second, Node::Sum(*operator, left, right), Type::Number)?;
        }
        Ok(one)
    }

    fn signed(&mut self, depth: usize) -> Parsed {
        if depth > DEPTH_MAX {
            return self.wrong(self.at(), format!("nested more than {DEPTH_MAX} deep"));
        }
        if self.takes("-") {
            let begin = self.at();
            let of = self.signed(depth + 1)?;
            let of = self.need(of, Type::Number, begin)?;
            return self.node(begin, Node::Negate(of), Type::Number);
        }
        self.atom(depth)
    }

    fn atom(&mut self, depth: usize) -> Parsed {
        let begin = self.at();
        if self.takes("(") {
            let inner = self.either(depth + 1)?;
            return if self.takes(")") {
                Ok(inner)
            } else {
                self.wrong(self.at(), "a closing parenthesis is missing")
            };
        }
        let Some((_, token)) = self.tokens.get(self.next).cloned() else {
            return self
                .wrong(begin, "something is missing: a number, a point [TAG] or a parenthesis");
        };
        self.next += 1;
        match token {
            Token::Number(value) => self.node(begin, Node::Number(value), Type::Number),
            Token::Point(tag) => {
                let known = self.points.iter().position(|known| **known == *tag);
                let index = known.unwrap_or_else(|| {
                    self.points.push(tag.into());
                    self.points.len() - 1
                });
                if self.points.len() > POINTS_MAX {
                    return self.wrong(begin, format!("there are more than {POINTS_MAX} points"));
                }
                self.node(begin, Node::Point(index), Type::Number)
            }
            Token::Word(word) => match word.as_str() {
                "abs" => self.call(begin, Function::Abs, depth),
                "min" => self.call(begin, Function::Min, depth),
                "max" => self.call(begin, Function::Max, depth),
                _ => self.wrong(
                    begin,
                    format!("{word:?} is not known: and, or, not, abs, min, max; points stand in brackets"),
                ),
            },
            Token::Sign(sign) => self.wrong(begin, format!("{sign} cannot stand here")),
        }
    }

    fn call(&mut self, begin: usize, function: Function, depth: usize) -> Parsed {
        if !self.takes("(") {
            return self.wrong(self.at(), "a parenthesis is needed after the function");
        }
        let mut of = Vec::new();
        loop {
            let at = self.at();
            let part = self.either(depth + 1)?;
            of.push(*self.need(part, Type::Number, at)?);
            if !self.takes(",") {
                break;
            }
        }
        if !self.takes(")") {
            return self.wrong(self.at(), "a closing parenthesis is missing");
        }
        let fits = if function == Function::Abs { of.len() == 1 } else { of.len() >= 2 };
        if !fits {
            return self.wrong(begin, "abs takes one number, min and max two or more");
        }
        self.node(begin, Node::Call(function, of), Type::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `A` and `B` are the points.
    fn check(text: &str, a: Option<f64>, b: Option<f64>, expected: Verdict) {
        let expression = Expression::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let values: Vec<_> =
            expression.points().map(|tag| if tag == "A" { a } else { b }).collect();
        assert_eq!(expression.judge(&values), expected, "{text} with {a:?}, {b:?}");
    }

    #[test]
    fn operators_mean_what_they_mean_elsewhere() {
        use Verdict::{Gone, Holds};
        for (text, expected) in [
            ("[A] > 40", Holds),
            ("[A] > 42", Gone),
            ("[A] >= 42 and [B] < 0", Holds),
            ("1 + 2 * 3 = 7", Holds),
            ("(1 + 2) * 3 = 9", Holds),
            ("10 - 4 - 3 = 3", Holds),
            ("12 / 2 / 3 = 2", Holds),
            ("-[B] = 2", Holds),
            ("2 - -2 = 4", Holds),
            ("not [A] = 42", Gone),
            ("not not [A] = 42", Holds),
            ("[A] = 1 or [A] = 42 and [B] = -2", Holds),
            ("([A] = 1 or [A] = 42) and [B] != -2", Gone),
            ("abs([B]) = 2 AND max([A], [B], 50) = 50", Holds),
            ("min([A],[B]) <= -2", Holds),
            ("[ A ] - [A] = 0", Holds),
        ] {
            check(text, Some(42.0), Some(-2.0), expected);
        }
    }

    #[test]
    fn what_is_unknown_matters_only_where_it_decides() {
        use Verdict::{Between, Gone, Holds};
        for (text, expected) in [
            ("[A] > 40", Between),
            ("[A] > 40 and [B] > 0", Gone),
            ("[A] > 40 or [B] < 0", Holds),
            ("[A] > 40 or [B] > 0", Between),
            ("not [A] > 40", Between),
            ("[B] / 0 > 1", Between),
            ("[B] / 0 > 1 or [B] < 0", Holds),
            ("max([A], [B]) > -5", Between),
        ] {
            check(text, None, Some(-2.0), expected);
        }
        check("[A] * [A] > 1", Some(1e300), None, Between);
    }

    #[test]
    fn a_wrong_text_is_told_with_the_place() {
        for (text, at, why) in [
            ("", 1, "something is missing"),
            ("[A]", 1, "the whole is a number"),
            ("[A] >", 6, "something is missing"),
            ("[A] > 40 and", 13, "something is missing"),
            ("[A] > 40 and 3", 14, "a condition is needed here"),
            ("[A] > 40 + ([B] = 1)", 12, "a number is needed here"),
            ("([A] > 40", 10, "a closing parenthesis"),
            ("[A > 40", 1, "the bracket is not closed"),
            ("[] > 40", 1, "the brackets are empty"),
            ("[A] > 1.2.3", 7, "is no number"),
            ("[A] > 40 & [B] > 1", 10, "means nothing here"),
            ("[A] > 40 [B]", 10, "is too much"),
            ("[A] > x", 7, "is not known"),
            ("abs([A], 1) > 1", 1, "abs takes one number"),
            ("max([A]) > 1", 1, "abs takes one number, min and max two"),
            ("min [A] > 1", 5, "a parenthesis is needed"),
            ("1 < [A] < 3", 9, "is too much"),
            ("温度 > 1", 1, "means nothing here"),
            ("[A] > 1 and )", 13, "cannot stand here"),
        ] {
            let found = Expression::parse(text).expect_err(text);
            assert_eq!(found.at, at, "{text}: {found}");
            assert!(found.why.contains(why), "{text}: {found}");
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let deep = format!("{}1 = 1{}", "(".repeat(60), ")".repeat(60));
        assert!(Expression::parse(&deep).unwrap_err().why.contains("nested"));
        let nots = format!("{}1 = 1", "not ".repeat(60));
        assert!(Expression::parse(&nots).unwrap_err().why.contains("nested"));
        let minus = format!("{}1 = 1", "-".repeat(60));
        assert!(Expression::parse(&minus).unwrap_err().why.contains("nested"));
        let long = format!("1{} = 1", "+1".repeat(200));
        assert!(Expression::parse(&long).unwrap_err().why.contains("parts"));
        assert_eq!(Expression::parse(&" ".repeat(501)).unwrap_err().at, 501);
        let many: Vec<String> = (0..17).map(|n| format!("[P{n}] > 1")).collect();
        assert!(Expression::parse(&many.join(" or ")).unwrap_err().why.contains("points"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_told_with_a_place_within_it(text in "[\\[\\]()AB<>=!+*/, .0-9a-z-]{0,60}|\\PC{0,40}") {
            match Expression::parse(&text) {
                Ok(expression) => {
                    let points = expression.points().count();
                    // Whatever the values, and however few, there is an answer, and it is the same twice.
                    for value in [None, Some(0.0), Some(f64::MAX)] {
                        for values in [vec![value; points], Vec::new()] {
                            prop_assert_eq!(expression.judge(&values), expression.judge(&values));
                        }
                    }
                }
                Err(bad) => prop_assert!((1..=text.chars().count() + 1).contains(&bad.at), "{}", bad),
            }
        }

        #[test]
        fn knowing_more_never_turns_an_answer_around(
            a in -5i32..5, b in -5i32..5, limit in -5i32..5, and in any::<bool>(), not in any::<bool>(),
        ) {
            let joined = if and { "and" } else { "or" };
            let negated = if not { "not" } else { "" };
            let text = format!("{negated} [A] > {limit} {joined} [B] <= {limit}");
            // A minus before a digit is a sign of the language as well.
            let expression = Expression::parse(&text).unwrap();
            let full = expression.judge(&[Some(f64::from(a)), Some(f64::from(b))]);
            for part in [[None, Some(f64::from(b))], [Some(f64::from(a)), None], [None, None]] {
                let answer = expression.judge(&part);
                prop_assert!(answer == full || answer == Verdict::Between, "{}", text);
            }
        }
    }
}
